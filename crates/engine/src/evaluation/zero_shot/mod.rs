//! What a model says of pictures from prompts alone: each picture goes to the class, or has the finding, whose prompts lie
//! nearest to it. Needs no library; the labels, which the model never sees, say what was right. docs/EVALUATION.md has
//! the definitions.

mod figures;
mod prompts;
mod report;

use std::collections::HashMap;
use std::path::PathBuf;

use casekin_encoder::Checkpoint;
use casekin_imaging::{Cuts, DecodeRequest, Decoders, Limits, Rgb8, Source};
use rayon::prelude::*;
use serde::Serialize;

use crate::encoding::LooseEncoder;
use crate::error::EngineError;
use figures::{Figures, Intervals, Scored};

pub use prompts::{ClassPrompts, FindingPrompts, ZeroShotPrompts};
pub use report::zero_shot_markdown;

/// Pictures read side by side before they are encoded.
const READ_TOGETHER: usize = 16;
/// Prompts encoded at once.
const ASKED_TOGETHER: usize = 64;

/// A picture and what is true of it.
#[derive(Clone, Debug)]
pub struct ZeroShotPicture {
    /// Its name in the labels.
    pub name: String,
    /// Its file.
    pub path: PathBuf,
    /// Its patient, where it is known.
    pub patient: Option<String>,
    /// For each class or finding of the prompts whether it shows it; nothing where that is not known. Of classes exactly
    /// one is true.
    pub truth: Vec<Option<bool>>,
}

/// What to evaluate.
#[derive(Clone, Debug)]
pub struct ZeroShotRequest {
    /// The command that asks, for the report.
    pub command: String,
    /// The prompts.
    pub prompts: ZeroShotPrompts,
    /// The pictures.
    pub pictures: Vec<ZeroShotPicture>,
    /// Pictures of the labels that no class or finding is about.
    pub unlabelled: u64,
    /// What a reader must know of how the labels were understood.
    pub notices: Vec<String>,
}

/// What was found.
#[derive(Clone, Debug, Serialize)]
pub struct ZeroShotReport {
    /// The command that makes this report.
    pub command: String,
    /// Version of the program.
    pub version: String,
    /// When, RFC 3339, UTC.
    pub made: String,
    /// Id of the model.
    pub model_id: String,
    /// Preprocessing profile.
    pub profile: String,
    /// Arithmetic of the encoder.
    pub precision: String,
    /// Version of windowing, orientation and tiling.
    pub pipeline_version: u32,
    /// The prompts.
    pub prompts: ZeroShotPrompts,
    /// How many of everything.
    pub counts: ZeroShotCounts,
    /// Figures over all classes or findings.
    pub metrics: Vec<ZeroShotMetric>,
    /// Figures of each.
    pub labels: Vec<ZeroShotRow>,
    /// Pictures that could not be read, and why.
    pub unreadable: Vec<(String, String)>,
    /// What a reader must know, in plain words.
    pub notices: Vec<String>,
}

/// Counts of a zero-shot evaluation.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ZeroShotCounts {
    /// Pictures that were classified.
    pub pictures: u64,
    /// Their views; of several the mean counts.
    pub views: u64,
    /// Patients; a picture without one counts as its own.
    pub patients: u64,
    /// Pictures left out because they carry no label that the prompts know.
    pub unlabelled: u64,
    /// Pictures left out because they could not be read.
    pub unreadable: u64,
    /// Prompts.
    pub prompts: u64,
}

/// A figure over all classes or findings.
#[derive(Clone, Debug, Serialize)]
pub struct ZeroShotMetric {
    /// Its name.
    pub name: &'static str,
    /// Its value; none where nothing was there to divide by.
    pub value: Option<f64>,
    /// 95 % interval, by drawing patients with replacement.
    pub interval: Option<[f64; 2]>,
}

/// Figures of one class or finding.
#[derive(Clone, Debug, Serialize)]
pub struct ZeroShotRow {
    /// Its name.
    pub label: String,
    /// Pictures that show it.
    pub positives: u64,
    /// Pictures that are known not to.
    pub negatives: u64,
    /// Area under the receiver operating characteristic; a class against all others.
    pub auc: Option<f64>,
    /// Its 95 % interval.
    pub auc_interval: Option<[f64; 2]>,
    /// Share of those said to show it that do.
    pub precision: Option<f64>,
    /// Share of those that show it of which it was said.
    pub recall: Option<f64>,
    /// Harmonic mean of the two.
    pub f1: f64,
    /// Its 95 % interval.
    pub f1_interval: Option<[f64; 2]>,
    /// Of a finding: share of pictures of which the right thing was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
}

/// Pictures that were read, with their vectors' logits for each list of prompts.
struct Asked<'a> {
    pictures: Vec<&'a ZeroShotPicture>,
    logits: Vec<Vec<f64>>,
    views: u64,
    unreadable: Vec<(String, String)>,
}

impl LooseEncoder {
    /// Classifies the pictures by the prompts. Blocks. `progress` is told the pictures done.
    ///
    /// # Errors
    /// Prompts that cannot be asked; where no picture can be read, the first one's reason; errors of the encoder.
    pub fn zero_shot(
        &self,
        request: &ZeroShotRequest,
        limits: &Limits,
        decoding: &Decoders,
        progress: &mut dyn FnMut(u64),
    ) -> Result<ZeroShotReport, EngineError> {
        request.prompts.check()?;
        let ensembles = self.ensembles(&request.prompts)?;
        let read = |picture: &ZeroShotPicture| views(picture, limits, decoding);
        let asked = self.ask(request, &ensembles, &read, progress)?;
        if let ([], Some((name, reason))) = (asked.pictures.as_slice(), asked.unreadable.first()) {
            return Err(EngineError::bad_query(format!(
                "none of the pictures can be read; {name}: {reason}"
            )));
        }
        if asked.pictures.is_empty() {
            let what = "the labels name no picture that the prompts are about";
            return Err(EngineError::bad_query(what));
        }
        let scored = scored(&request.prompts, &asked);
        Ok(self.report(request, asked, &scored))
    }

    /// For each list of prompts the sum of its vectors, scaled as the model's logits are: its dot product with a picture's
    /// vector is the mean logit of the list, but for the bias, which all lists share.
    fn ensembles(&self, prompts: &ZeroShotPrompts) -> Result<Vec<Vec<f64>>, EngineError> {
        let scale = f64::from(Checkpoint::open(self.slot().dir())?.logit_scale());
        let ensemble = |list: &[String]| {
            let mut sum = Vec::new();
            for texts in list.chunks(ASKED_TOGETHER) {
                let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
                for vector in self.slot().question_texts(&texts)? {
                    sum.resize(vector.len(), 0.0);
                    for (sum, value) in sum.iter_mut().zip(&vector) {
                        *sum += f64::from(*value) * scale / list.len() as f64;
                    }
                }
            }
            Ok(sum)
        };
        prompts.lists().into_iter().map(ensemble).collect()
    }

    fn ask<'a>(
        &self,
        request: &'a ZeroShotRequest,
        ensembles: &[Vec<f64>],
        read: &(impl Fn(&ZeroShotPicture) -> Result<Vec<Rgb8>, EngineError> + Sync),
        progress: &mut dyn FnMut(u64),
    ) -> Result<Asked<'a>, EngineError> {
        let mut asked = Asked {
            pictures: Vec::new(),
            logits: Vec::new(),
            views: 0,
            unreadable: Vec::new(),
        };
        let mut done = 0;
        for together in request.pictures.chunks(READ_TOGETHER) {
            let read: Vec<_> = together.par_iter().map(read).collect();
            let all: Vec<&Rgb8> = read.iter().flatten().flatten().collect();
            let mut vectors = self.slot().ingest_images(&all)?.into_iter();
            for (picture, views) in together.iter().zip(&read) {
                match views {
                    Ok(views) => {
                        let own: Vec<Vec<f32>> = vectors.by_ref().take(views.len()).collect();
                        asked.views += own.len() as u64;
                        asked.logits.push(logits(&own, ensembles));
                        asked.pictures.push(picture);
                    }
                    Err(error) => {
                        let reason = crate::encoding::chain(error);
                        asked.unreadable.push((picture.name.clone(), reason));
                    }
                }
            }
            done += together.len() as u64;
            progress(done);
        }
        Ok(asked)
    }

    fn report(
        &self,
        request: &ZeroShotRequest,
        asked: Asked<'_>,
        scored: &Scored,
    ) -> ZeroShotReport {
        let (figures, intervals) = scored.figures();
        let mut notices = request.notices.clone();
        if self.is_demo() {
            let notice = "The demo model knows drawn phantoms only: over real pictures these figures say nothing about MedSigLIP";
            notices.insert(0, notice.to_owned());
        }
        if asked
            .pictures
            .iter()
            .all(|picture| picture.patient.is_none())
        {
            let notice = "No patients are named: intervals count every picture as one of its own";
            notices.push(notice.to_owned());
        }
        let labels = request.prompts.labels().enumerate();
        ZeroShotReport {
            command: request.command.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            made: jiff::Timestamp::now()
                .strftime("%Y-%m-%dT%H:%M:%SZ")
                .to_string(),
            model_id: self.model_id().to_owned(),
            profile: self.profile().to_owned(),
            precision: self.precision(),
            pipeline_version: casekin_imaging::PIPELINE_VERSION,
            counts: ZeroShotCounts {
                pictures: asked.pictures.len() as u64,
                views: asked.views,
                patients: scored.patient_count as u64,
                unlabelled: request.unlabelled,
                unreadable: asked.unreadable.len() as u64,
                prompts: request
                    .prompts
                    .lists()
                    .iter()
                    .map(|list| list.len() as u64)
                    .sum(),
            },
            metrics: metrics(scored.one_each, &figures, &intervals),
            labels: labels
                .map(|(at, label)| row(label, scored.one_each, at, (&figures, &intervals)))
                .collect(),
            unreadable: asked.unreadable,
            prompts: request.prompts.clone(),
            notices,
        }
    }
}

fn views(
    picture: &ZeroShotPicture,
    limits: &Limits,
    decoding: &Decoders,
) -> Result<Vec<Rgb8>, EngineError> {
    let request = DecodeRequest {
        source: Source::Path(picture.path.clone()),
        limits: limits.clone(),
        thumbnail_px: 1,
        cuts: Cuts::default(),
        volume: None,
    };
    let views = decoding.decode(&request)?.views;
    Ok(views.into_iter().map(|view| view.rgb).collect())
}

/// The mean over a picture's views.
fn logits(views: &[Vec<f32>], ensembles: &[Vec<f64>]) -> Vec<f64> {
    let of = |ensemble: &Vec<f64>| {
        let dots = views.iter().map(|view| {
            let products = view.iter().zip(ensemble).map(|(a, b)| f64::from(*a) * b);
            products.sum::<f64>()
        });
        dots.sum::<f64>() / views.len().max(1) as f64
    };
    ensembles.iter().map(of).collect()
}

fn scored(prompts: &ZeroShotPrompts, asked: &Asked<'_>) -> Scored {
    let one_each = prompts.is_of_classes();
    let (mut scores, mut said) = (Vec::new(), Vec::new());
    for logits in &asked.logits {
        if one_each {
            scores.push(softmax(logits));
            let best = (0..logits.len()).max_by(|a, b| logits[*a].total_cmp(&logits[*b]));
            said.push((0..logits.len()).map(|at| Some(at) == best).collect());
        } else {
            // Of absence and presence the softmax grows with the difference.
            let differences = logits.chunks_exact(2).map(|pair| pair[1] - pair[0]);
            let differences: Vec<f64> = differences.collect();
            said.push(differences.iter().map(|one| *one > 0.0).collect());
            scores.push(differences);
        }
    }
    let mut numbers: HashMap<&str, usize> = HashMap::new();
    let mut patient_count = 0;
    let mut next = || {
        patient_count += 1;
        patient_count - 1
    };
    let patients = asked.pictures.iter().map(|picture| match &picture.patient {
        Some(patient) => *numbers.entry(patient.as_str()).or_insert_with(&mut next),
        None => next(),
    });
    let patients = patients.collect();
    Scored {
        one_each,
        truths: asked.pictures.iter().map(|one| one.truth.clone()).collect(),
        scores,
        said,
        patients,
        patient_count,
    }
}

fn softmax(logits: &[f64]) -> Vec<f64> {
    let most = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = logits.iter().map(|logit| (logit - most).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}

fn known(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

fn metrics(one_each: bool, figures: &Figures, intervals: &Intervals) -> Vec<ZeroShotMetric> {
    let accuracy = if one_each {
        "accuracy"
    } else {
        "macro_accuracy"
    };
    let named = [
        (accuracy, figures.accuracy),
        ("macro_auc", figures.macro_auc),
        ("macro_f1", figures.macro_f1),
        ("weighted_f1", figures.weighted_f1),
    ];
    let metric = |((name, value), interval): (_, &Option<[f64; 2]>)| ZeroShotMetric {
        name,
        value: known(value),
        interval: *interval,
    };
    named
        .into_iter()
        .zip(intervals.overall())
        .map(metric)
        .collect()
}

fn row(
    label: &str,
    one_each: bool,
    at: usize,
    (figures, intervals): (&Figures, &Intervals),
) -> ZeroShotRow {
    let (column, [auc_interval, f1_interval]) = (figures.columns[at], intervals.column(at));
    let accuracy = if one_each {
        None
    } else {
        known(column.accuracy)
    };
    ZeroShotRow {
        label: label.to_owned(),
        positives: column.positives as u64,
        negatives: column.negatives as u64,
        auc: known(column.auc),
        auc_interval,
        precision: known(column.precision),
        recall: known(column.recall),
        f1: column.f1,
        f1_interval,
        accuracy,
    }
}
