//! `casekin export`: pages of vectors become one file. Memory holds one page; a file that is not finished is not there.

mod npy;
mod parquet;

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use casekin_engine::{ExportPage, ExportRequest, ExportedView};

use super::connect;
use crate::cli::{ExportCommand, ExportVectorsArgs, Global};
use crate::config::Config;
use crate::progress::bar;
use crate::show;

/// A file of vectors that is being written.
trait Writer {
    /// Adds a page's views.
    fn add(&mut self, views: &[ExportedView], dimension: u32) -> anyhow::Result<()>;

    /// Completes the file and gives it its name.
    fn finish(self: Box<Self>, from: &ExportPage) -> anyhow::Result<()>;
}

pub async fn run(global: &Global, config: &Config, command: ExportCommand) -> anyhow::Result<()> {
    match command {
        ExportCommand::Vectors(args) => vectors(global, config, args).await,
    }
}

async fn vectors(global: &Global, config: &Config, args: ExportVectorsArgs) -> anyhow::Result<()> {
    let client = connect(global, config).await?;
    let shown = bar("export", global.json);
    let mut request = ExportRequest {
        filters: args.filters,
        after: None,
    };
    let mut first: Option<ExportPage> = None;
    let mut writer: Option<Box<dyn Writer>> = None;
    let mut count = 0;
    loop {
        let page: ExportPage = client.post("/api/v1/export/vectors", &request).await?;
        let from = first.get_or_insert_with(|| ExportPage {
            views: Vec::new(),
            ..page.clone()
        });
        if (&from.model, from.pipeline_version) != (&page.model, page.pipeline_version) {
            bail!("the library's model was changed during the export; start again");
        }
        let writer = match &mut writer {
            Some(writer) => writer,
            None => writer.insert(match (&args.output.npy, &args.output.parquet) {
                (Some(path), _) => Box::new(npy::Npy::create(path, page.dimension)?),
                (None, Some(path)) => Box::new(parquet::Parquet::create(path)?),
                (None, None) => bail!("give --npy FILE or --parquet FILE"),
            }),
        };
        writer.add(&page.views, page.dimension)?;
        count += page.views.len();
        shown.set_position(count as u64);
        request.after = page.next;
        if page.next.is_none() {
            break;
        }
    }
    client.close().await?;
    let from = first.context("the service sent no page")?;
    if let Some(writer) = writer {
        writer.finish(&from)?;
    }
    shown.finish_and_clear();
    if global.json {
        return show::json(&provenance(&from, count as u64));
    }
    println!("{count} vectors of {} values", from.dimension);
    Ok(())
}

/// What made the vectors of an export.
fn provenance(from: &ExportPage, views: u64) -> serde_json::Value {
    serde_json::json!({
        "views": views,
        "dimension": from.dimension,
        "model": from.model,
        "precision": from.precision,
        "pipeline_version": from.pipeline_version,
        "index_seq": from.index_seq,
    })
}

/// A file under another name until it is whole.
struct Unfinished {
    file: Option<BufWriter<File>>,
    part: PathBuf,
    path: PathBuf,
}

impl Unfinished {
    fn create(path: &Path) -> anyhow::Result<Self> {
        let mut part = path.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        let file =
            File::create(&part).with_context(|| format!("{} cannot be written", part.display()))?;
        Ok(Self {
            file: Some(BufWriter::new(file)),
            part,
            path: path.to_path_buf(),
        })
    }

    fn file(&mut self) -> anyhow::Result<&mut BufWriter<File>> {
        self.file.as_mut().context("the file is already closed")
    }

    fn finish(mut self) -> anyhow::Result<()> {
        let file = self.file.take().context("the file is already closed")?;
        let file = file
            .into_inner()
            .map_err(std::io::IntoInnerError::into_error);
        let failed = || format!("{} cannot be written", self.path.display());
        file.and_then(|file| file.sync_all())
            .and_then(|()| std::fs::rename(&self.part, &self.path))
            .with_context(failed)
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // After `finish` it has its name and nothing is left to remove.
        let _ = std::fs::remove_file(&self.part);
    }
}
