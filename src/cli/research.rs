//! Arguments of the commands that measure a library and take it out to others: `eval` and `export`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub enum EvalCommand {
    /// Each case asks with its pictures, its own patient left out; the labels say what was right
    Retrieval(EvalRetrievalArgs),
    /// Ask the index as it serves and by looking at every view, with and without filters: what does it lose
    Recall(EvalRecallArgs),
    /// Classify the pictures of a folder from prompts alone and hold it against their labels; needs no library
    ZeroShot(EvalZeroShotArgs),
    /// Do maps of where two drawn pictures are alike point at their lesions; needs no library
    Heatmap(EvalHeatmapArgs),
}

#[derive(Debug, Args)]
pub struct EvalHeatmapArgs {
    /// How many cases to draw
    #[arg(long, default_value_t = 300, value_name = "N")]
    pub cases: u64,
    /// Seed of the drawing
    #[arg(long, default_value_t = 77_001, value_name = "SEED")]
    pub seed: u64,
}

#[derive(Debug, Args)]
pub struct EvalZeroShotArgs {
    /// Folder of the pictures
    pub folder: PathBuf,
    /// CSV with a column `file` and a column `label`, or one column (1, 0 or empty) for each finding; `patient` if known
    #[arg(long, value_name = "FILE")]
    pub labels: PathBuf,
    /// Set of prompts: chexpert, crc-val-he-7k, diabetic-retinopathy, phantoms, or a file like those in config/zero-shot;
    /// the shipped one that knows most of the labels when left out
    #[arg(long, value_name = "NAME|FILE")]
    pub prompts: Option<String>,
    /// Model folder; the library's model when left out
    #[arg(long, value_name = "DIR")]
    pub model: Option<PathBuf>,
    /// Preprocessing profile, train or hf; as configured when left out
    #[arg(long, value_name = "PROFILE")]
    pub profile: Option<String>,
    /// Write the report as Markdown
    #[arg(long, value_name = "FILE")]
    pub md: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct EvalRecallArgs {
    /// Depths
    #[arg(long, value_delimiter = ',', default_values_t = [1, 10], value_name = "K")]
    pub k: Vec<u32>,
    /// Also under this filter; may be given several times. Filters of the library's own facts are always tried
    #[arg(long = "filter", short = 'f', value_name = "KEY=VALUE")]
    pub filters: Vec<String>,
    /// How many pictures ask, drawn at random
    #[arg(long, default_value_t = 200, value_name = "N")]
    pub queries: u32,
    /// Write the report as Markdown
    #[arg(long, value_name = "FILE")]
    pub md: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum ExportCommand {
    /// Every vector with its case, picture and place; patients by pseudonym alone
    Vectors(ExportVectorsArgs),
}

#[derive(Debug, Args)]
pub struct ExportVectorsArgs {
    /// Only views with this fact, or of cases with it; may be given several times
    #[arg(long = "filter", short = 'f', value_name = "KEY=VALUE")]
    pub filters: Vec<String>,
    #[command(flatten)]
    pub output: ExportOutput,
}

/// One of the two.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct ExportOutput {
    /// Write a NumPy array of 16-bit floats, a row a view, and beside it FILE.csv with what each row is of and FILE.json with
    /// model, pipeline and index sequence
    #[arg(long, value_name = "FILE")]
    pub npy: Option<PathBuf>,
    /// Write one Parquet file with all of it; vectors as lists of 32-bit floats
    #[arg(long, value_name = "FILE")]
    pub parquet: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct EvalRetrievalArgs {
    /// Key of the labels that say what is right, e.g. a column of the manifest, or one plain label; all plain labels when
    /// left out
    #[arg(long, value_name = "NAME")]
    pub label: Option<String>,
    /// Depths of the metrics
    #[arg(long, value_delimiter = ',', default_values_t = [1, 3, 5, 10], value_name = "K")]
    pub k: Vec<u32>,
    /// Only cases with this fact ask and answer; may be given several times
    #[arg(long = "filter", short = 'f', value_name = "KEY=VALUE")]
    pub filters: Vec<String>,
    /// At most so many queries, drawn at random; 10,000 when left out
    #[arg(long, value_name = "N")]
    pub queries: Option<u32>,
    /// Ask the index as it serves, instead of looking at every view
    #[arg(long)]
    pub ann: bool,
    /// Also compare what a case can be asked by: one picture, all of them, its report's words, both
    #[arg(long)]
    pub compare: bool,
    /// Write the report as Markdown
    #[arg(long, value_name = "FILE")]
    pub md: Option<PathBuf>,
    /// Write a plot of precisions and votes
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
}
