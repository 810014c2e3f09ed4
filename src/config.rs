//! The configuration file: every key has a default, an unknown key is an error. `config/default.toml` documents them.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use casekin_engine::{
    Cuts, DeidentifyConfig, EncoderConfig, EngineConfig, IndexSettings, IngestConfig, Limits,
    SearchConfig,
};
use casekin_server::ServerConfig;
use casekin_summary::SummaryConfig;
use serde::{Deserialize, Serialize};

use crate::cli::Global;

/// The whole configuration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub server: ServerConfig,
    pub encoder: EncoderConfig,
    pub ingest: IngestConfig,
    pub cuts: Cuts,
    pub limits: Limits,
    pub deidentify: DeidentifyConfig,
    pub search: SearchConfig,
    pub index: IndexSettings,
    pub summary: SummaryConfig,
}

impl Config {
    /// Reads the file that the command line names, or takes the defaults.
    pub fn read(global: &Global) -> anyhow::Result<Self> {
        let mut config = match &global.config {
            None => Self::default(),
            Some(path) => {
                let text = std::fs::read_to_string(path).with_context(|| {
                    format!("the configuration {} cannot be read", path.display())
                })?;
                toml::from_str(&text)
                    .with_context(|| format!("in the configuration {}", path.display()))?
            }
        };
        if let Some(device) = &global.device {
            config.encoder.device.clone_from(device);
        }
        Ok(config)
    }

    /// The part that the engine takes.
    pub fn engine(&self) -> EngineConfig {
        EngineConfig {
            encoder: self.encoder.clone(),
            ingest: self.ingest.clone(),
            cuts: self.cuts.clone(),
            limits: self.limits.clone(),
            deidentify: self.deidentify.clone(),
            search: self.search.clone(),
            index: self.index.clone(),
        }
    }
}

/// The library's folder: as given, else the user's data folder.
pub fn data_dir(global: &Global) -> anyhow::Result<PathBuf> {
    if let Some(dir) = &global.data_dir {
        return Ok(std::path::absolute(dir)?);
    }
    let from_env = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let base = from_env("XDG_DATA_HOME")
        .or_else(|| from_env("HOME").map(|home| home.join(".local").join("share")));
    match base {
        Some(base) => Ok(base.join("casekin")),
        None => bail!("no folder for the library: give --data-dir DIR or set CASEKIN_DATA_DIR"),
    }
}

/// A path as the service, which may run in another folder, must be told.
pub fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("{} is no path", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_configuration_is_the_default_one() {
        let text = include_str!("../config/default.toml");
        let documented: Config = toml::from_str(text).unwrap();
        assert_eq!(documented, Config::default());
    }

    #[test]
    fn every_key_is_documented() {
        let text = include_str!("../config/default.toml");
        let all = toml::Value::try_from(Config::default()).unwrap();
        for (section, keys) in all.as_table().unwrap() {
            assert!(
                text.contains(&format!("[{section}]")),
                "[{section}] is missing"
            );
            for key in keys.as_table().unwrap().keys() {
                let set = text.lines().any(|line| {
                    line.trim_start_matches("# ")
                        .starts_with(&format!("{key} ="))
                });
                assert!(set, "{section}.{key} is missing");
            }
        }
    }

    #[test]
    fn an_unknown_key_is_an_error_that_names_it() {
        let error = toml::from_str::<Config>("[server]\nlisten_on = \"x\"")
            .unwrap_err()
            .to_string();
        assert!(error.contains("listen_on"), "{error}");
    }
}
