//! Published vectors of a model, held against what it gives here. An archive is read in one of two layouts: named arrays
//! (`files` and `embeddings`, `texts` and `text_embeddings`), or one array `data` of objects whose first column names files
//! and whose second has their vectors, as Google publishes those of the SCIN pictures.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use casekin_engine::{Agreement, Limits, LooseEncoder, least_cosine};
use serde::Serialize;

use crate::decoding::decoding;
use crate::npz::{Archive, Array, Value, Values};

const FILE_NAMES: [&str; 4] = ["files", "paths", "images", "filenames"];
const VECTOR_NAMES: [&str; 3] = ["embeddings", "image_embeddings", "vectors"];
const TEXT_NAMES: [&str; 2] = ["texts", "prompts"];
const TEXT_VECTOR_NAMES: [&str; 2] = ["text_embeddings", "text_vectors"];
/// Rows of the table that people see: the worst ones.
const SHOWN: usize = 20;

/// What is to be compared.
pub struct Asked {
    pub archive: PathBuf,
    pub images: PathBuf,
    pub most: usize,
    pub limits: Limits,
    pub encoder: LooseEncoder,
}

/// What was found.
#[derive(Serialize)]
pub struct Golden {
    archive: String,
    profile: String,
    /// Least cosine that is right.
    bar: f64,
    least_cosine: f64,
    largest_difference: f64,
    /// How many are below the bar.
    below: usize,
    /// Pictures that the archive names and that are not there.
    missing: Vec<String>,
    /// The worst first.
    compared: Vec<Compared>,
}

#[derive(Serialize)]
struct Compared {
    /// A picture's file or a text.
    of: String,
    #[serde(flatten)]
    agreement: Agreement,
}

/// Published vectors: of what, and their values.
#[derive(Default)]
struct Published {
    files: Vec<(String, Vec<f32>)>,
    texts: Vec<(String, Vec<f32>)>,
}

/// Encodes what the archive has vectors of. Blocks.
pub fn compare(asked: &Asked) -> anyhow::Result<Golden> {
    let name = asked.archive.display();
    let published = Published::read(&asked.archive)
        .with_context(|| format!("the published vectors {name} cannot be read"))?;
    let (decoding, mut compared, mut missing) = (decoding(), Vec::new(), Vec::new());
    let made = |texts: &[String], files: &[PathBuf]| -> anyhow::Result<Vec<f32>> {
        let embedded = asked
            .encoder
            .embed(texts, files, &asked.limits, &decoding)?;
        let [one] = embedded.as_slice() else {
            bail!(
                "it has {} views, a published vector is of one",
                embedded.len()
            );
        };
        Ok(one.vector.clone())
    };
    for (text, vector) in published.texts.into_iter().take(asked.most) {
        let agreement = Agreement::of(&vector, &made(std::slice::from_ref(&text), &[])?);
        compared.push(Compared {
            of: text,
            agreement,
        });
    }
    for (file, vector) in published.files.into_iter().take(asked.most) {
        let Some(path) = found(&asked.images, &file) else {
            missing.push(file);
            continue;
        };
        let made = made(&[], &[path]).with_context(|| file.clone())?;
        let agreement = Agreement::of(&vector, &made);
        compared.push(Compared {
            of: file,
            agreement,
        });
    }
    ensure!(
        !compared.is_empty(),
        "none of the {} pictures that {name} names is in {}; give their folder by --images",
        missing.len(),
        asked.images.display()
    );
    compared.sort_by(|a, b| a.agreement.cosine.total_cmp(&b.agreement.cosine));
    let bar = least_cosine(&asked.encoder.precision());
    let agreements = || compared.iter().map(|one| one.agreement);
    Ok(Golden {
        archive: name.to_string(),
        profile: asked.encoder.profile().to_owned(),
        bar,
        least_cosine: agreements().map(|one| one.cosine).fold(1.0, f64::min),
        largest_difference: agreements()
            .map(|one| one.largest_difference)
            .fold(0.0, f64::max),
        below: agreements().filter(|one| one.cosine < bar).count(),
        missing,
        compared,
    })
}

/// The file by its whole name below the folder, or by its last part.
fn found(folder: &Path, file: &str) -> Option<PathBuf> {
    let last = Path::new(file).file_name()?;
    let places = [folder.join(file), folder.join(last)];
    places.into_iter().find(|path| path.is_file())
}

impl Golden {
    /// Whether every vector is near enough.
    pub fn reached(&self) -> bool {
        self.below == 0
    }

    pub fn markdown(&self) -> String {
        let mut text = format!(
            "{} published vectors, profile {}: least cosine {:.7}, largest difference {:.1e}; {} below {}, {} pictures not \
             there.\n\n| of | cosine | largest difference |\n|---|---:|---:|\n",
            self.compared.len(),
            self.profile,
            self.least_cosine,
            self.largest_difference,
            self.below,
            self.bar,
            self.missing.len()
        );
        for one in self.compared.iter().take(SHOWN) {
            let of = one.of.replace('|', "\\|").replace(['\n', '\r'], " ");
            text.push_str(&format!(
                "| {of} | {:.7} | {:.1e} |\n",
                one.agreement.cosine, one.agreement.largest_difference
            ));
        }
        if let Some(more @ 1..) = self.compared.len().checked_sub(SHOWN) {
            text.push_str(&format!("\n{more} more are nearer than these.\n"));
        }
        text
    }
}

impl Published {
    fn read(path: &Path) -> anyhow::Result<Self> {
        let mut archive = Archive::open(path)?;
        let names = archive.names();
        let have = |wanted: &[&str]| {
            let own = wanted
                .iter()
                .find(|name| names.iter().any(|own| own == *name));
            own.map(|name| (*name).to_owned())
        };
        let mut published = Self::default();
        if let (Some(files), Some(vectors)) = (have(&FILE_NAMES), have(&VECTOR_NAMES)) {
            published.files = paired(archive.read(&files)?, archive.read(&vectors)?)?;
        }
        if let (Some(texts), Some(vectors)) = (have(&TEXT_NAMES), have(&TEXT_VECTOR_NAMES)) {
            published.texts = paired(archive.read(&texts)?, archive.read(&vectors)?)?;
        }
        if let (0, Some(data)) = (published.count(), have(&["data"])) {
            published.files = of_rows(archive.read(&data)?)?;
        }
        ensure!(
            published.count() > 0,
            "it has no arrays `files` and `embeddings`, none `texts` and `text_embeddings` and none `data`, but {}",
            names.join(", ")
        );
        Ok(published)
    }

    fn count(&self) -> usize {
        self.files.len() + self.texts.len()
    }
}

/// Names and vectors of two arrays.
fn paired(names: Array, vectors: Array) -> anyhow::Result<Vec<(String, Vec<f32>)>> {
    let names: Vec<String> = match names.values {
        Values::Texts(names) => names,
        Values::Objects(names) => names.into_iter().map(text).collect::<anyhow::Result<_>>()?,
        Values::Numbers(_) => bail!("names are numbers, not texts"),
    };
    let ([rows, width], Values::Numbers(numbers)) = (vectors.shape.as_slice(), vectors.values)
    else {
        bail!("the vectors are no table of numbers");
    };
    ensure!(
        *rows == names.len() && *width > 0,
        "{} names have {rows} vectors of {width} numbers",
        names.len()
    );
    let vectors = numbers.chunks_exact(*width).map(<[f32]>::to_vec);
    Ok(names.into_iter().zip(vectors).collect())
}

/// Names and vectors of a table of objects.
fn of_rows(data: Array) -> anyhow::Result<Vec<(String, Vec<f32>)>> {
    let ([_, width], Values::Objects(values)) = (data.shape.as_slice(), data.values) else {
        bail!("array data is no table of objects");
    };
    ensure!(*width >= 2, "array data has one column, not two or more");
    let (width, mut values, mut rows) = (*width, values.into_iter(), Vec::new());
    while let (Some(name), Some(vector)) = (values.next(), values.next()) {
        values.by_ref().take(width - 2).for_each(drop);
        let name = text(name).context("the first column of data names no files")?;
        let Value::Numbers(vector) = vector else {
            bail!("the second column of data has no vectors");
        };
        rows.push((name, vector));
    }
    Ok(rows)
}

fn text(value: Value) -> anyhow::Result<String> {
    match value {
        Value::Text(text) => Ok(text),
        _ => bail!("a name is no text"),
    }
}
