//! `casekin eval zero-shot`: which prompts, which pictures, what is true of them; the engine does the rest.

mod labels;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use casekin_engine::{
    LooseEncoder, ZeroShotPrompts, ZeroShotReport, ZeroShotRequest, zero_shot_markdown,
};

use self::labels::Table;
use super::SOME_FAILED;
use super::embed::model_of_library;
use super::evaluate::write;
use crate::cli::{EvalZeroShotArgs, Global};
use crate::config::Config;
use crate::decoding::decoding;
use crate::progress::bar;
use crate::show;

/// The sets that come with the program, by name.
const SHIPPED: [(&str, &str); 4] = [
    (
        "chexpert",
        include_str!("../../config/zero-shot/chexpert.toml"),
    ),
    (
        "crc-val-he-7k",
        include_str!("../../config/zero-shot/crc-val-he-7k.toml"),
    ),
    (
        "diabetic-retinopathy",
        include_str!("../../config/zero-shot/diabetic-retinopathy.toml"),
    ),
    (
        "phantoms",
        include_str!("../../config/zero-shot/phantoms.toml"),
    ),
];

pub async fn run(
    global: &Global,
    config: &Config,
    args: EvalZeroShotArgs,
) -> anyhow::Result<ExitCode> {
    let table = Table::read(&args.labels)?;
    let prompts = match &args.prompts {
        Some(name) => named(name)?,
        None => fitting(&table)?,
    };
    let request = request(&args, &table, prompts)?;
    let dir = match &args.model {
        Some(dir) => dir.clone(),
        None => model_of_library(global, config).await?,
    };
    let profile = args.profile.as_ref().unwrap_or(&config.encoder.profile);
    let (profile, config, json) = (profile.clone(), config.clone(), global.json);
    let evaluate = move || -> anyhow::Result<ZeroShotReport> {
        let encoder = LooseEncoder::open(&dir, &config.encoder, &profile)?;
        let shown = bar("pictures", json);
        shown.set_length(request.pictures.len() as u64);
        let mut progress = |done| shown.set_position(done);
        let report = encoder.zero_shot(&request, &config.limits, &decoding(), &mut progress);
        shown.finish_and_clear();
        Ok(report?)
    };
    let report = tokio::task::spawn_blocking(evaluate).await??;
    let markdown = zero_shot_markdown(&report);
    if let Some(path) = &args.md {
        write(path, &markdown)?;
    }
    if global.json {
        show::json(&report)?;
    } else {
        print!("{markdown}");
    }
    let all_read = report.counts.unreadable == 0;
    Ok(if all_read {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(SOME_FAILED)
    })
}

fn request(
    args: &EvalZeroShotArgs,
    table: &Table,
    prompts: ZeroShotPrompts,
) -> anyhow::Result<ZeroShotRequest> {
    let understood = table.understood(&prompts, &args.folder)?;
    let mut command = format!("casekin eval zero-shot --labels {}", args.labels.display());
    if let Some(prompts) = &args.prompts {
        command.push_str(&format!(" --prompts {prompts}"));
    }
    if let Some(profile) = &args.profile {
        command.push_str(&format!(" --profile {profile}"));
    }
    command.push_str(&format!(" {}", args.folder.display()));
    Ok(ZeroShotRequest {
        command,
        prompts,
        pictures: understood.pictures,
        unlabelled: understood.unlabelled,
        notices: understood.notices,
    })
}

/// A shipped set by its name, or the file.
fn named(name: &str) -> anyhow::Result<ZeroShotPrompts> {
    if let Some((_, text)) = SHIPPED.iter().find(|(shipped, _)| *shipped == name) {
        return parsed(text, name);
    }
    let names: Vec<&str> = SHIPPED.iter().map(|(name, _)| *name).collect();
    let text = std::fs::read_to_string(Path::new(name)).with_context(|| {
        format!(
            "the prompts {name} cannot be read, and are none of {}",
            names.join(", ")
        )
    })?;
    parsed(&text, name)
}

fn parsed(text: &str, name: &str) -> anyhow::Result<ZeroShotPrompts> {
    let prompts: ZeroShotPrompts =
        toml::from_str(text).with_context(|| format!("in the prompts {name}"))?;
    prompts.check()?;
    Ok(prompts)
}

/// The shipped set that knows the labels of most pictures.
fn fitting(table: &Table) -> anyhow::Result<ZeroShotPrompts> {
    let mut counted = Vec::new();
    for (name, text) in SHIPPED {
        let prompts = parsed(text, name)?;
        counted.push((table.known(&prompts), name, prompts));
    }
    counted.sort_by_key(|(known, ..)| std::cmp::Reverse(*known));
    let names: Vec<&str> = SHIPPED.iter().map(|(name, _)| *name).collect();
    let names = names.join(", ");
    let [first, second, ..] = counted.as_slice() else {
        bail!("give --prompts NAME or FILE");
    };
    if first.0 == 0 {
        bail!(
            "none of the shipped sets of prompts ({names}) knows a label of this table; give --prompts FILE, a file like \
             those in config/zero-shot"
        );
    }
    if first.0 == second.0 {
        bail!(
            "{} and {} know these labels equally well; say which by --prompts",
            first.1,
            second.1
        );
    }
    Ok(counted.swap_remove(0).2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_prompts_can_be_asked_and_are_all_there_are() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/zero-shot");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
            .collect();
        files.sort();
        assert_eq!(files, SHIPPED.map(|(name, _)| name));
        for (name, _) in SHIPPED {
            named(name).unwrap_or_else(|error| panic!("{name}: {error:#}"));
        }
        assert!(named("no-such-set").is_err());
    }
}
