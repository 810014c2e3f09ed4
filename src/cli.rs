//! The command line: what can be said. What is done stands in `commands`.

mod research;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use research::{
    EvalCommand, EvalHeatmapArgs, EvalRecallArgs, EvalRetrievalArgs, EvalZeroShotArgs,
    ExportCommand, ExportVectorsArgs,
};

/// Finds the kin of a case: the prior cases whose pictures and reports are most like it.
///
/// For research and teaching. Not a medical device; nothing it shows is a diagnosis.
#[derive(Debug, Parser)]
#[command(
    name = "casekin",
    version,
    arg_required_else_help = true,
    max_term_width = 100
)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// Options that every command takes.
#[derive(Clone, Debug, Args)]
pub struct Global {
    /// Folder of the library; made when it is not there
    #[arg(long, global = true, env = "CASEKIN_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Configuration file; see config/default.toml for every key
    #[arg(long, global = true, env = "CASEKIN_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print one JSON document on stdout and nothing else there
    #[arg(long, global = true)]
    pub json: bool,
    /// Where the model runs: cpu, cuda or cuda:N
    #[arg(long, global = true, value_name = "DEVICE")]
    pub device: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Read files and folders into the library
    Ingest(IngestArgs),
    /// Find similar cases by words, pictures, a case, or a mix
    Search(SearchArgs),
    /// Measure how well the library finds its own cases again
    #[command(subcommand)]
    Eval(EvalCommand),
    /// Write what the library holds to files, for research
    #[command(subcommand)]
    Export(ExportCommand),
    /// Print the vectors of texts or pictures
    Embed(EmbedArgs),
    /// Write the pixels of one picture to a file, at any stage from stored values to what a person sees
    Decode(DecodeArgs),
    /// Show how the library stands
    Status,
    /// Serve the page and the API, with one ingestion worker inside
    Serve(ServeArgs),
    /// Encode pictures for a service on another machine, the one with the GPU, say
    Worker(WorkerArgs),
    /// Look at a case or delete it
    #[command(subcommand)]
    Case(CaseCommand),
    /// Tend the search index
    #[command(subcommand)]
    Index(IndexCommand),
    /// Tend the models
    #[command(subcommand)]
    Model(ModelCommand),
    /// Encode the whole library with another model; can be stopped and resumed
    Reencode(ReencodeArgs),
    /// Make, list and revoke access tokens
    #[command(subcommand)]
    Token(TokenCommand),
    /// Show failed jobs or run them again
    #[command(subcommand)]
    Jobs(JobsCommand),
    /// Make a library of drawn cases and serve it, to see what casekin does
    Demo(DemoArgs),
    /// Decode pictures for the process that started this one; speaks on standard input
    #[command(hide = true)]
    DecodeWorker,
    /// Print the OpenAPI description of the service
    #[command(hide = true)]
    Openapi,
}

#[derive(Debug, Args)]
pub struct IngestArgs {
    /// Files and folders, read recursively
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// CSV or JSONL with a row for each picture: path, case_id, patient_id, title, report, labels, modality,
    /// body_part, date, sex, age, accession; other columns become labels
    #[arg(long, value_name = "FILE")]
    pub manifest: Option<PathBuf>,
    /// Read a column of the manifest as a field, e.g. file=path
    #[arg(long = "map", value_name = "COLUMN=FIELD")]
    pub maps: Vec<String>,
    /// Name of the site these files come from, for filters
    #[arg(long, value_name = "NAME")]
    pub site: Option<String>,
    /// Return once the files are read and queued; a running service encodes them
    #[arg(long)]
    pub no_wait: bool,
}

#[derive(Debug, Args)]
pub struct SearchArgs {
    /// Words: "pleural effusion", "no pneumothorax", "\"ground glass\""
    #[arg(long, short = 't', value_name = "TEXT")]
    pub text: Option<String>,
    /// Example picture; may be given several times
    #[arg(long = "image", short = 'i', value_name = "FILE")]
    pub images: Vec<PathBuf>,
    /// Region of the (last) example picture, in pixels
    #[arg(long, value_name = "X,Y,W,H", requires = "images", value_parser = parse_roi)]
    pub roi: Option<[u32; 4]>,
    /// A case of the library: cases like this one
    #[arg(long, value_name = "ID")]
    pub case: Option<String>,
    /// Only cases with this fact, e.g. modality=CT, age=40..60, label=a|b (a value's own | as \|); may be given several times
    #[arg(long = "filter", short = 'f', value_name = "KEY=VALUE")]
    pub filters: Vec<String>,
    /// How many cases to answer with
    #[arg(long, short = 'n', default_value_t = 10, value_name = "N")]
    pub top: u32,
    /// A case marked as relevant: the question moves towards its pictures; may be given several times
    #[arg(long, value_name = "ID")]
    pub relevant: Vec<String>,
    /// A case marked as not relevant: it is not answered, and the question's pictures move a little away from it; may be
    /// given several times
    #[arg(long, value_name = "ID")]
    pub not_relevant: Vec<String>,
    /// Ways of finding that take part: report, label, image, text_to_image; with weights e.g. report=2,image
    #[arg(long, value_delimiter = ',', value_name = "WAY[=WEIGHT]")]
    pub ways: Vec<String>,
    /// How a question of many pictures is compared: by the mean or the median over its pictures
    #[arg(long, value_name = "HOW")]
    pub aggregate: Option<AggregateName>,
    /// Show cases whose pictures another hit has too, instead of counting them there
    #[arg(long)]
    pub keep_duplicates: bool,
    /// Show the nearest cases even where none is better than chance
    #[arg(long)]
    pub all: bool,
    /// Compare pictures with those of other kinds too, a radiograph with a CT, say
    #[arg(long)]
    pub any_modality: bool,
    /// Let other cases of the example case's and the relevant cases' patients answer too
    #[arg(long)]
    pub same_patient: bool,
    /// CSV or JSON Lines with a query on each line: id, text, image (paths beside the file), case, relevant, not_relevant,
    /// filters, top; lists in a CSV cell have ";" between their parts
    #[arg(long, value_name = "FILE", requires = "csv", conflicts_with_all = ["text", "images", "roi", "case", "relevant", "not_relevant"])]
    pub batch: Option<PathBuf>,
    /// Where the hits of --batch go, one a row, each with the model, the pipeline and the index sequence that it came from
    #[arg(long, value_name = "OUT", requires = "batch")]
    pub csv: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AggregateName {
    Mean,
    /// Forgives pictures that have no counterpart
    Median,
}

impl From<AggregateName> for casekin_engine::Aggregate {
    fn from(name: AggregateName) -> Self {
        match name {
            AggregateName::Mean => Self::Mean,
            AggregateName::Median => Self::Median,
        }
    }
}

#[derive(Debug, Args)]
pub struct EmbedArgs {
    /// Text to encode; may be given several times
    #[arg(long, short = 't', value_name = "TEXT")]
    pub text: Vec<String>,
    /// Pictures to encode, each view of them
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Preprocessing profile: train or hf, with -int8 (on a CPU), -bf16 or -f16 (on a GPU) for other arithmetic; the library's when left out
    #[arg(long, value_name = "PROFILE")]
    pub profile: Option<String>,
    /// A model folder other than the library's model
    #[arg(long, value_name = "DIR")]
    pub model: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct DecodeArgs {
    /// The picture; needs no library
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Frame number; the first is 1, as in DICOM
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub frame: u32,
    /// How far from file to eye; with --npy stored, with --png rgb, when left out
    #[arg(long, value_name = "STAGE")]
    pub stage: Option<StageName>,
    #[command(flatten)]
    pub output: DecodeOutput,
}

/// One of the two.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct DecodeOutput {
    /// Write a NumPy array: height x width, or height x width x 3 for colour
    #[arg(long, value_name = "OUT")]
    pub npy: Option<PathBuf>,
    /// Write a PNG, of 16 bits where 8 do not do
    #[arg(long, value_name = "OUT")]
    pub png: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StageName {
    /// Decompressed values as the file holds them; YBR as RGB
    Stored,
    /// After the Modality LUT or rescale, e.g. Hounsfield units
    Modality,
    /// After the first window or VOI LUT as well
    Voi,
    /// 8-bit RGB as a person sees it; the only stage that PNG, JPEG and their like have
    Rgb,
}

#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Address and port; any but loopback asks for tokens
    #[arg(long, value_name = "ADDR:PORT")]
    pub listen: Option<String>,
    /// Leave encoding to `casekin worker`
    #[arg(long)]
    pub no_worker: bool,
}

#[derive(Debug, Args)]
pub struct WorkerArgs {
    /// Address of the service, e.g. http://127.0.0.1:7878
    #[arg(long, value_name = "URL")]
    pub server: String,
    /// File with an admin token, where the service asks for one
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Model folder on this machine; must be the service's model
    #[arg(long, value_name = "DIR")]
    pub model: Option<PathBuf>,
    /// Stop once no job is left
    #[arg(long)]
    pub until_idle: bool,
}

#[derive(Debug, Subcommand)]
pub enum CaseCommand {
    /// Show a case: pictures, report, labels, conflicts
    Show { id: String },
    /// Delete a case; nothing of it is left
    Delete {
        id: String,
        /// Do not ask
        #[arg(long, short = 'y')]
        yes: bool,
    },
}

#[derive(Debug, Subcommand)]
pub enum IndexCommand {
    /// Build the search index anew from the catalog and the vector log; nothing is encoded again
    Rebuild,
}

#[derive(Debug, Subcommand)]
pub enum ModelCommand {
    /// Add a SigLIP checkpoint in Hugging Face layout; it becomes the model of an empty library
    Add { dir: PathBuf },
    /// List the models
    List,
    /// Is a model whole, and does it give here the vectors that it gave when it was added
    Verify(VerifyArgs),
    /// Download a model from the Hugging Face hub, with your own token and your consent to its terms
    Fetch(FetchArgs),
}

#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Id or name; the active model when left out
    pub model: Option<String>,
    /// Also compare with published vectors: a NumPy archive with vectors of pictures, of texts or of both
    #[arg(long, value_name = "FILE.npz")]
    pub golden: Option<PathBuf>,
    /// Folder of the pictures that the archive names; its own folder when left out
    #[arg(long, value_name = "DIR", requires = "golden")]
    pub images: Option<PathBuf>,
    /// Preprocessing that the published vectors were made with, train or hf; hf, which transformers does, when left out
    #[arg(long, value_name = "PROFILE", requires = "golden")]
    pub profile: Option<String>,
    /// Compare the first so many only
    #[arg(long, value_name = "N", requires = "golden")]
    pub most: Option<usize>,
}

#[derive(Debug, Args)]
pub struct FetchArgs {
    /// medsiglip-448
    #[arg(value_parser = ["medsiglip-448"])]
    pub model: String,
    /// File with your Hugging Face access token
    #[arg(long, value_name = "FILE")]
    pub token_file: PathBuf,
    /// You have read the Health AI Developer Foundations terms and accept them
    #[arg(long)]
    pub accept_terms: bool,
    /// Where to put it; models/medsiglip-448 in the data folder when left out
    #[arg(long, value_name = "DIR")]
    pub to: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct ReencodeArgs {
    /// Id or name of the model to change to; the last one added when left out
    #[arg(long, value_name = "MODEL")]
    pub model: Option<String>,
    /// Preprocessing profile to change to: train or hf, with -int8 (on a CPU), -bf16 or -f16 (on a GPU) for other arithmetic
    #[arg(long, value_name = "PROFILE")]
    pub profile: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Make a token; it is shown once
    Create {
        /// reader, curator or admin
        #[arg(long, value_parser = ["reader", "curator", "admin"])]
        role: String,
        /// Whose it is, for the audit log
        #[arg(long, default_value = "")]
        name: String,
    },
    /// List tokens
    List,
    /// Revoke a token
    Revoke { id: String },
}

#[derive(Debug, Subcommand)]
pub enum JobsCommand {
    /// List failed jobs with their reasons
    Failed,
    /// Run failed jobs again
    Retry,
}

#[derive(Debug, Args)]
pub struct DemoArgs {
    /// How many cases to draw
    #[arg(long, default_value_t = 300, value_name = "N")]
    pub cases: u64,
    /// Seed of the drawing
    #[arg(long, default_value_t = 7, value_name = "SEED")]
    pub seed: u64,
    /// Findings that each case has; with two or three, each is seen in pictures of its own
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=3))]
    pub findings: u8,
    /// Port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 7878, value_name = "PORT")]
    pub port: u16,
    /// Make and ingest the library, then stop
    #[arg(long)]
    pub no_serve: bool,
}

fn parse_roi(text: &str) -> Result<[u32; 4], String> {
    let numbers: Vec<u32> = text
        .split(',')
        .map(|part| part.trim().parse())
        .collect::<Result<_, _>>()
        .map_err(|_| "four whole numbers are needed: X,Y,W,H in pixels".to_owned())?;
    match <[u32; 4]>::try_from(numbers) {
        Ok([_, _, 0, _] | [_, _, _, 0]) => Err("width and height must not be 0".to_owned()),
        Ok(roi) => Ok(roi),
        Err(_) => Err("four whole numbers are needed: X,Y,W,H in pixels".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_commands_are_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_region_is_four_numbers_with_an_area() {
        assert_eq!(parse_roi("1, 2,30,40"), Ok([1, 2, 30, 40]));
        assert!(parse_roi("1,2,3").is_err());
        assert!(parse_roi("1,2,0,4").is_err());
    }
}
