//! The page: npm packages from the lockfile, and `web/dist`, which the program carries inside.
//!
//! Both are made only when what they are made from has changed, by a stamp in `web/node_modules`.

use std::fs::{self, File};

use anyhow::{Context, Result, bail};

use crate::process::{npm, run};
use crate::{digest, paths};

const PACKAGES_STAMP: &str = "node_modules/.casekin-packages";
const PAGE_STAMP: &str = "node_modules/.casekin-page";
/// What building and testing leave in `web`, and what no build reads.
const NOT_SOURCES: [&str; 6] = [
    "node_modules",
    "dist",
    "e2e",
    "test-results",
    "coverage",
    "README.md",
];

/// Installs the npm packages and builds the page, each where it is out of date.
pub fn ensure() -> Result<()> {
    let web = paths::web();
    if !web.join("package-lock.json").is_file() {
        bail!(
            "{} has no package-lock.json: is the checkout whole?",
            web.display()
        );
    }
    fs::create_dir_all(paths::target())?;
    let lock = File::create(paths::target().join(".xtask-page.lock"))?;
    lock.lock()
        .context("cannot wait for another build of the page")?;
    install_packages()?;
    build()
}

fn install_packages() -> Result<()> {
    let web = paths::web();
    let stamp = web.join(PACKAGES_STAMP);
    let wanted = digest::of_file(&web.join("package-lock.json"))?;
    if digest::stamped(&stamp, &wanted) {
        return Ok(());
    }
    run(npm().args(["ci", "--no-progress", "--loglevel=error"]))
        .context("cannot install the page's packages from web/package-lock.json")?;
    digest::write_stamp(&stamp, &wanted)
}

fn build() -> Result<()> {
    let web = paths::web();
    let stamp = web.join(PAGE_STAMP);
    let wanted = digest::of_folder(&web, &NOT_SOURCES)?;
    if digest::stamped(&stamp, &wanted) && web.join("dist/index.html").is_file() {
        return Ok(());
    }
    run(npm().args(["run", "build"])).context("cannot build the page")?;
    if !web.join("dist/index.html").is_file() {
        bail!("`npm run build` left no web/dist/index.html");
    }
    // Read again: the build may write a source, such as types generated from openapi.json.
    digest::write_stamp(&stamp, &digest::of_folder(&web, &NOT_SOURCES)?)
}
