//! How well the library finds its own cases again: each case asks with its pictures, its own patient left out, and the
//! labels, which no search sees, say which answers were right. The definitions stand in docs/EVALUATION.md.

mod bootstrap;
mod compare;
mod figures;
mod gather;
mod metrics;
mod recall;
mod report;
mod zero_shot;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use casekin_index::NearestQuery;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::answer::ModelSummary;
use crate::error::EngineError;
use crate::library::{Library, Serving};
use bootstrap::{Dice, SEED};
use figures::figures;
use gather::Pool;
use metrics::Ranked;

pub use compare::{ComparedWay, ComparedWays, Difference};
pub use recall::{RecallReport, RecallRequest, RecallRow, recall_markdown};
pub use report::{retrieval_markdown, retrieval_svg};
pub use zero_shot::{
    ClassPrompts, FindingPrompts, ZeroShotCounts, ZeroShotMetric, ZeroShotPicture, ZeroShotPrompts,
    ZeroShotReport, ZeroShotRequest, ZeroShotRow, zero_shot_markdown,
};

/// Cases of one ranking, at most: trec_eval's bound.
const RANKED_CASES: usize = 1_000;
/// Queries where the request does not say how many.
const DEFAULT_QUERIES: u32 = 10_000;
/// Deepest k of a report.
const MAX_K: u32 = 100;

/// What to evaluate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RetrievalRequest {
    /// Key of the labels that say what is right: "diagnosis" for labels "diagnosis: …". A plain label asks whether cases
    /// with and without it are told apart. All plain labels when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Depths of the metrics, 1 to 100; 1, 3, 5 and 10 when left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub k: Vec<u32>,
    /// Only cases with these facts ask and answer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<String>,
    /// Asks the index as it serves, instead of looking at every view.
    pub ann: bool,
    /// Queries at most, drawn at random with a fixed seed; 10,000 when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queries: Option<u32>,
    /// Also compares what a case can be asked by: one of its pictures, all of them, its report's words, and both, on the
    /// same queries.
    pub compare: bool,
}

/// What was found; see docs/EVALUATION.md for the definitions.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RetrievalReport {
    /// The command that makes this report.
    pub command: String,
    /// The question as it was understood.
    pub request: RetrievalRequest,
    /// On what library and by what model.
    pub provenance: Provenance,
    /// How many of everything.
    pub counts: EvaluationCounts,
    /// Metrics over all queries.
    pub metrics: Vec<MetricRow>,
    /// Metrics by label, most queries first.
    pub labels: Vec<LabelRow>,
    /// What a case can be asked by, compared, where the request wants it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compared: Option<ComparedWays>,
    /// What a reader must know, in plain words.
    pub notices: Vec<String>,
}

/// Where figures come from.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Provenance {
    /// Version of the program.
    pub version: String,
    /// When, RFC 3339, UTC.
    pub made: String,
    /// The model of the vectors.
    pub model: ModelSummary,
    /// Arithmetic of the encoder.
    pub precision: String,
    /// Version of windowing, orientation and tiling.
    pub pipeline_version: u32,
    /// The catalog's sequence number that the index had applied.
    pub index_seq: u64,
    /// The catalog's latest sequence number.
    pub latest_seq: u64,
}

/// Counts of an evaluation.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct EvaluationCounts {
    /// Cases that asked.
    pub queries: u64,
    /// Labelled cases with pictures: those that could answer.
    pub cases: u64,
    /// Their pictures.
    pub pictures: u64,
    /// Their views with a vector.
    pub views: u64,
    /// Patients that are known; each is left out of its own queries' answers as a whole.
    pub patients: u64,
    /// Cases whose patient is not known: of them only the case itself is left out, so that another case of the same
    /// patient may have answered.
    pub cases_of_unknown_patients: u64,
    /// Cases left out because they carry none of the labels.
    pub unlabelled: u64,
    /// Labelled cases left out because they have no picture.
    pub without_pictures: u64,
    /// Queries of cases whose pictures have no vector; all their answers count as wrong.
    pub queries_without_vectors: u64,
    /// Queries with fewer answers than the deepest k; the missing ones count as wrong.
    pub queries_with_short_answers: u64,
    /// Queries to which no case of another patient would be right; they count as wrong.
    pub queries_without_a_right_answer: u64,
    /// Distinct labels.
    pub labels: u64,
    /// Distinct sets of labels.
    pub label_sets: u64,
}

/// One metric over all queries.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct MetricRow {
    /// Its name, with the depth behind an "@".
    pub name: String,
    /// Its value, 0 to 1.
    pub value: f64,
    /// 95 % interval: percentile bootstrap by patient.
    pub interval: [f64; 2],
    /// Mean of the control: the same rankings under labels permuted across patients.
    pub shuffled: f64,
    /// 95 % of the control's permutations lie in here.
    pub shuffled_interval: [f64; 2],
}

/// Metrics of one label: of the queries that carry it, where an answer is right that carries it too.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LabelRow {
    /// The label.
    pub label: String,
    /// Queries that carry it.
    pub queries: u64,
    /// Their patients; a case of an unknown patient counts as one.
    pub patients: u64,
    /// Precision at each k of the request.
    pub precision: Vec<f64>,
    /// Share of its queries for which the vote at 1, 3 and 5 named it.
    pub vote_recall: [f64; 3],
    /// F1 of the vote at 1, 3 and 5.
    pub vote_f1: [f64; 3],
    /// Mean over its queries of trec_eval's average precision.
    pub map: f64,
}

impl RetrievalRequest {
    /// The request with its defaults filled in, or why it cannot be evaluated.
    fn understood(mut self) -> Result<Self, EngineError> {
        if self.k.is_empty() {
            self.k = vec![1, 3, 5, 10];
        }
        self.k.sort_unstable();
        self.k.dedup();
        if self.k.iter().any(|k| !(1..=MAX_K).contains(k)) {
            return Err(EngineError::bad_query(format!(
                "each k must lie between 1 and {MAX_K}"
            )));
        }
        if self.queries == Some(0) {
            return Err(EngineError::bad_query("at least one query is needed"));
        }
        self.label = self
            .label
            .map(|label| label.trim().to_owned())
            .filter(|label| !label.is_empty());
        Ok(self)
    }

    /// The command line that asks for this.
    fn command(&self) -> String {
        let mut words = vec!["casekin eval retrieval".to_owned()];
        let quoted = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
        words.extend(
            self.label
                .iter()
                .map(|label| format!("--label {}", quoted(label))),
        );
        let depths: Vec<String> = self.k.iter().map(u32::to_string).collect();
        words.push(format!("--k {}", depths.join(",")));
        words.extend(
            self.filters
                .iter()
                .map(|filter| format!("--filter {}", quoted(filter))),
        );
        words.extend(self.queries.map(|count| format!("--queries {count}")));
        words.extend(self.ann.then(|| "--ann".to_owned()));
        words.extend(self.compare.then(|| "--compare".to_owned()));
        words.join(" ")
    }
}

/// Raised when nobody waits for the answer any more.
struct Abandoned(Arc<AtomicBool>);

impl Drop for Abandoned {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Library {
    /// Evaluates retrieval, leaving one patient out at a time. Runs for as long as a search for every query takes.
    ///
    /// # Errors
    /// A label that no case carries, filters or depths that cannot be understood; errors of the leaves.
    pub async fn evaluate_retrieval(
        &self,
        request: RetrievalRequest,
    ) -> Result<RetrievalReport, EngineError> {
        let request = request.understood()?;
        let filter = crate::search::parse_filters(&request.filters)?;
        let serving = self.inner.serving();
        let (pool, mut counts) = self.labelled_pool(&serving, &filter, &request).await?;
        let latest_seq = self.inner.catalog.latest_seq().await?;
        let provenance = provenance(&serving, latest_seq);
        let stop = Arc::new(AtomicBool::new(false));
        let _abandoned = Abandoned(Arc::clone(&stop));
        let asked = request.clone();
        let run = move || -> Result<_, EngineError> {
            let ranked = rankings(&serving, &pool, &asked, &filter, &stop)?;
            let (metrics, labels) = figures(&pool, &ranked, &asked, &mut counts);
            let compared = asked.compare.then(|| {
                let on = (&pool, &filter);
                compare::compared(&compare::Comparison::new(&serving, on, &asked), &stop)
            });
            Ok((metrics, labels, counts, compared.transpose()?))
        };
        let (metrics, labels, counts, compared) = tokio::task::spawn_blocking(run).await??;
        Ok(RetrievalReport {
            command: request.command(),
            notices: notices(&counts, &provenance, &request),
            request,
            provenance,
            counts,
            metrics,
            labels,
            compared,
        })
    }
}

fn provenance(serving: &Serving, latest_seq: u64) -> Provenance {
    Provenance {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        made: jiff::Timestamp::now()
            .strftime("%Y-%m-%dT%H:%M:%SZ")
            .to_string(),
        model: crate::convert::model_summary(&serving.model, &serving.stamp.profile),
        precision: serving.stamp.precision.clone(),
        pipeline_version: serving.stamp.pipeline_version,
        index_seq: serving.index.applied(),
        latest_seq,
    }
}

fn notices(
    counts: &EvaluationCounts,
    provenance: &Provenance,
    request: &RetrievalRequest,
) -> Vec<String> {
    let mut notices = Vec::new();
    if provenance.model.demo {
        notices.push(
            "The demo model knows drawn phantoms only: over real pictures these figures say nothing about MedSigLIP"
                .to_owned(),
        );
    }
    if counts.cases_of_unknown_patients > 0 {
        notices.push(format!(
            "The patient of {} cases is not known: of them only the case itself was left out, which can flatter the \
             figures",
            counts.cases_of_unknown_patients
        ));
    }
    if counts.queries < counts.cases {
        notices.push(format!(
            "{} of {} cases were drawn as queries",
            counts.queries, counts.cases
        ));
    }
    if counts.cases > RANKED_CASES as u64 {
        notices.push(format!("Each ranking was read to rank {RANKED_CASES}"));
    }
    if request.ann {
        notices.push("The index was asked as it serves, not exactly".to_owned());
    }
    notices
}

/// The cases that ask, by place in the pool.
fn drawn(pool: &Pool, request: &RetrievalRequest) -> Vec<usize> {
    let mut own: Vec<usize> = (0..pool.cases.len()).collect();
    Dice::new(SEED).shuffle(&mut own);
    own.truncate(request.queries.unwrap_or(DEFAULT_QUERIES) as usize);
    own.sort_unstable();
    own
}

/// Asks each drawn case. The pool's own threads leave those of searches alone.
fn rankings(
    serving: &Serving,
    pool: &Pool,
    request: &RetrievalRequest,
    filter: &casekin_index::Filter,
    stop: &AtomicBool,
) -> Result<Vec<Ranked>, EngineError> {
    let own = drawn(pool, request);
    let places = pool.places();
    let ask = |own: usize| -> Result<Ranked, EngineError> {
        if stop.load(Ordering::Relaxed) {
            return Err(EngineError::Task("cancelled".into()));
        }
        let case = &pool.cases[own];
        let vectors = case
            .locations
            .iter()
            .map(|at| serving.log.read(at))
            .collect::<Result<Vec<_>, _>>()?;
        let mut exclude = pool.outsiders.clone();
        exclude.push(case.case_no);
        let answer = serving.index.rank_by_vectors(&NearestQuery {
            vectors,
            filter: filter.clone(),
            exclude,
            exclude_patients: vec![case.patient],
            k: RANKED_CASES,
            exact: !request.ann,
            ..NearestQuery::default()
        })?;
        let found = answer.cases.iter();
        Ok(Ranked {
            own,
            hits: found
                .filter_map(|(case_no, _)| places.get(case_no).copied())
                .collect(),
        })
    };
    let threads = rayon::ThreadPoolBuilder::new()
        .build()
        .map_err(|error| EngineError::Task(error.to_string()))?;
    threads.install(|| own.into_par_iter().map(ask).collect())
}
