//! `casekin model fetch`: downloads a gated model with the user's own token, after the user's own consent. It is the
//! only command that goes to the internet. It never sends anything before consent, never gives the token to another
//! host than the hub, and never prints or logs it.

mod download;
mod hub;
mod terms;
mod token;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde_json::json;

use self::download::{Download, Outcome};
use self::hub::{Hub, Listed};
use crate::cli::{FetchArgs, Global};
use crate::config::{Config, data_dir};
use crate::show;

const REPOSITORY: &str = "google/medsiglip-448";

/// Without these no checkpoint opens.
const NEEDED: [&str; 4] = [
    "config.json",
    "preprocessor_config.json",
    "tokenizer.json",
    "model.safetensors",
];
/// Small files that belong to the tokenizer; taken where the hub lists them.
const WELCOME: [&str; 3] = [
    "tokenizer_config.json",
    "special_tokens_map.json",
    "spiece.model",
];

pub async fn run(global: &Global, _config: &Config, args: FetchArgs) -> anyhow::Result<()> {
    eprintln!("{}", terms::SUMMARY);
    terms::require_consent(args.accept_terms)?;
    let token = token::read(&args.token_file)?;
    let dir = destination(global, &args)?;
    let hub = Hub::new(token)?;

    let listing = hub.list(REPOSITORY).await?;
    let files = choose(&listing.files)?;
    std::fs::create_dir_all(&dir)
        .with_context(|| format!("the folder {} cannot be made", dir.display()))?;
    let mut fetched = Vec::new();
    for file in files {
        let url = hub.file_url(REPOSITORY, &listing.revision, &file.name)?;
        let download = Download {
            hub: &hub,
            url,
            file,
            dir: &dir,
            quiet: global.json,
        };
        let outcome = download.run().await?;
        if !global.json {
            let how = if outcome == Outcome::WasThere {
                "was there, checked"
            } else {
                "downloaded, checked"
            };
            eprintln!("{:<28} {:>13} bytes  {how}", file.name, file.size_bytes);
        }
        fetched.push(json!({ "name": file.name, "bytes": file.size_bytes, "downloaded": outcome == Outcome::Downloaded }));
    }
    download::sync_folder(&dir)?;
    tell_next_step(global, &args.model, &listing.revision, &dir, &fetched)
}

fn destination(global: &Global, args: &FetchArgs) -> anyhow::Result<PathBuf> {
    Ok(match &args.to {
        Some(dir) => std::path::absolute(dir)?,
        None => data_dir(global)?.join("models").join(&args.model),
    })
}

/// The files of the listing that are to be fetched: small ones first, so that what is wrong shows early.
fn choose(listed: &[Listed]) -> anyhow::Result<Vec<&Listed>> {
    let find = |name: &str| listed.iter().find(|file| file.name == name);
    if let Some(missing) = NEEDED.iter().find(|name| find(name).is_none()) {
        bail!(
            "the hub lists no {missing} in {REPOSITORY}, so this version of casekin cannot use what is there; \
             a checkpoint from elsewhere is added by `casekin model add DIR`"
        );
    }
    let mut files: Vec<&Listed> = NEEDED
        .iter()
        .chain(&WELCOME)
        .filter_map(|name| find(name))
        .collect();
    files.sort_by_key(|file| file.size_bytes);
    Ok(files)
}

fn tell_next_step(
    global: &Global,
    model: &str,
    revision: &str,
    dir: &Path,
    files: &[serde_json::Value],
) -> anyhow::Result<()> {
    let data_dir = match &global.data_dir {
        Some(folder) => format!(" --data-dir {}", quoted(folder)),
        None => String::new(),
    };
    let next = format!("casekin model add {}{data_dir}", quoted(dir));
    if global.json {
        return show::json(
            &json!({ "model": model, "revision": revision, "dir": dir, "files": files, "next": next }),
        );
    }
    println!("{model} is in {}", dir.display());
    println!("next: {next}");
    Ok(())
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:,@".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(name: &str, size_bytes: u64) -> Listed {
        Listed {
            name: name.to_owned(),
            size_bytes,
            digest: hub::Digest::GitBlob([0; 20]),
        }
    }

    #[test]
    fn only_what_a_checkpoint_needs_is_taken_small_files_first() {
        let files = [
            listed("model.safetensors", 900),
            listed("README.md", 5),
            listed("tokenizer.json", 70),
            listed("config.json", 10),
            listed("spiece.model", 80),
            listed("preprocessor_config.json", 20),
        ];
        let names: Vec<&str> = choose(&files)
            .unwrap()
            .iter()
            .map(|file| file.name.as_str())
            .collect();
        assert_eq!(
            names,
            [
                "config.json",
                "preprocessor_config.json",
                "tokenizer.json",
                "spiece.model",
                "model.safetensors"
            ]
        );
    }

    #[test]
    fn a_listing_without_weights_is_refused_by_name() {
        let files = [
            listed("config.json", 1),
            listed("preprocessor_config.json", 1),
            listed("tokenizer.json", 1),
        ];
        assert!(
            choose(&files)
                .unwrap_err()
                .to_string()
                .contains("model.safetensors")
        );
    }

    #[test]
    fn paths_are_quoted_where_a_shell_would_split_them() {
        assert_eq!(quoted(Path::new("/srv/models/a-b")), "/srv/models/a-b");
        assert_eq!(
            quoted(Path::new("/my models/it's")),
            r"'/my models/it'\''s'"
        );
    }
}
