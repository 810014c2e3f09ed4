//! Answers as text for people at a terminal.

use casekin_engine::{BatchRecord, CaseRecord, Hit, SearchAnswer, Status};

use crate::progress::duration;

/// Cases with the same pictures that a hit names; `--json` has all.
const DUPLICATES_NAMED: usize = 10;

/// Prints one JSON document.
pub fn json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}

pub fn answer(answer: &SearchAnswer) {
    for notice in &answer.notices {
        eprintln!("note: {notice}");
    }
    if answer.no_match {
        println!("No good match among {} cases.", answer.cases_searched);
    } else if answer.hits.is_empty() {
        let advice = match (&answer.query.text, answer.query.filters.is_empty()) {
            (Some(_), true) => " Try other words.",
            (Some(_), false) => " Try other words or fewer filters.",
            (None, true) => "",
            (None, false) => " Try fewer filters.",
        };
        println!("No case was found among {}.{advice}", answer.cases_searched);
    } else {
        hits(answer);
    }
    println!("{}", provenance(answer));
}

/// What the same question must meet to have the same answer.
fn provenance(answer: &SearchAnswer) -> String {
    let model = match &answer.model {
        Some(model) => format!(
            "{} ({}, profile {})",
            model.name,
            model.id.get(..12).unwrap_or(&model.id),
            model.profile
        ),
        None => "none".to_owned(),
    };
    format!(
        "model {model}, pipeline {}, index sequence {}",
        answer.pipeline_version, answer.index_seq
    )
}

fn hits(answer: &SearchAnswer) {
    for hit in &answer.hits {
        show_hit(hit);
    }
    let votes: Vec<String> = answer
        .votes
        .labels
        .iter()
        .take(6)
        .map(|vote| format!("{} {}/{}", vote.label, vote.hits, answer.votes.hits))
        .collect();
    if !votes.is_empty() {
        println!(
            "labels: {}; without label: {}",
            votes.join(", "),
            answer.votes.unlabelled
        );
    }
    println!(
        "{} of {} cases in {} ms",
        answer.hits.len(),
        answer.cases_searched,
        answer.took_ms
    );
}

fn show_hit(hit: &Hit) {
    let similarity = hit
        .similarity
        .map(|cosine| match hit.nearer_than {
            Some(share) => format!(
                "  similarity {cosine:.3}, nearer than {:.1} % of random pairs",
                share * 100.0
            ),
            None => format!("  similarity {cosine:.3}"),
        })
        .unwrap_or_default();
    println!(
        "{:>3}. {}  {}{similarity}",
        hit.rank, hit.case_id, hit.title
    );
    let mut facts: Vec<String> = hit.modalities.clone();
    facts.extend(hit.body_parts.iter().cloned());
    facts.extend(hit.sex.clone());
    facts.extend(hit.age_years.map(|age| format!("{age:.0} y")));
    facts.extend(hit.date.clone());
    let ways: Vec<String> = hit
        .found_by
        .iter()
        .map(|found| format!("{} #{}", found.way.name(), found.rank))
        .collect();
    println!("     {}  [found by {}]", facts.join(", "), ways.join(", "));
    for passage in hit.passages.iter().take(2) {
        let text: String = passage
            .parts
            .iter()
            .map(|part| {
                if part.mark {
                    format!("*{}*", part.text)
                } else {
                    part.text.clone()
                }
            })
            .collect();
        println!("     {}: {}", passage.section, text.replace('\n', " "));
    }
    if !hit.duplicates.is_empty() {
        let named = hit.duplicates.iter().take(DUPLICATES_NAMED);
        let mut named = named.cloned().collect::<Vec<_>>().join(", ");
        let unnamed = hit.duplicates.len().saturating_sub(DUPLICATES_NAMED);
        if unnamed > 0 {
            named.push_str(&format!(" and {unnamed} more"));
        }
        println!("     same pictures: {named}");
    }
    if let Some(path) = hit.views.first().and_then(|view| view.path.as_ref()) {
        println!("     {path}");
    }
}

pub fn status(status: &Status) {
    println!("casekin {}", status.version);
    println!("cases     {:>8}", status.cases);
    println!(
        "images    {:>8}   {:.1} % can be found by picture",
        status.images,
        status.coverage * 100.0
    );
    println!("views     {:>8}", status.views);
    let jobs = &status.jobs;
    let left = status
        .seconds_left
        .filter(|_| jobs.queued + jobs.running > 0)
        .map(|s| format!(", about {} left", duration(s)));
    println!(
        "jobs      {} queued, {} running, {} done, {} failed{}",
        jobs.queued,
        jobs.running,
        jobs.done,
        jobs.failed,
        left.unwrap_or_default()
    );
    println!(
        "index     {} of {} changes applied",
        status.index.applied, status.index.latest
    );
    if let Some(model) = &status.model {
        println!(
            "model     {} ({}, profile {})",
            model.name,
            model.id.get(..12).unwrap_or(&model.id),
            model.profile
        );
    }
    if let Some(progress) = &status.reencode {
        let left = progress
            .seconds_left
            .map(|s| format!(", about {} left", duration(s)))
            .unwrap_or_default();
        println!(
            "reencode  to {}: {} of {}{left}",
            progress.model, progress.done, progress.total
        );
    }
    if status.uid_conflicts > 0 {
        println!(
            "conflicts {:>8}   different objects with one SOP Instance UID; all are kept",
            status.uid_conflicts
        );
    }
    for notice in &status.notices {
        eprintln!("note: {notice}");
    }
}

/// A table that lies in a folder which was read without it.
pub fn forgotten_manifest(manifest: &std::path::Path) {
    eprintln!(
        "note: {0} names pictures: `casekin ingest --manifest {0}` takes labels, reports and patients from it",
        manifest.display()
    );
}

pub fn batch(batch: &BatchRecord) {
    println!(
        "{} done, {} known already, {} not a picture, {} failed, {} reports",
        batch.done, batch.known, batch.not_a_picture, batch.failed, batch.reports
    );
    if batch.queued > 0 {
        println!("{} still to encode; the service goes on", batch.queued);
    }
    for (reason, count) in &batch.skipped {
        println!("  not a picture, {count} ×: {reason}");
    }
    if batch.conflicts > 0 {
        println!(
            "  {} pictures carry a SOP Instance UID that another object has, too; all are kept",
            batch.conflicts
        );
    }
    for warning in batch.warnings.iter().take(3) {
        println!("  manifest: {warning}");
    }
    if batch.warnings.len() > 3 {
        println!(
            "  and {} more cells of the manifest; --json lists them",
            batch.warnings.len() - 3
        );
    }
    for failure in &batch.failures {
        println!(
            "  failed: {}: {}",
            failure.path.as_ref().unwrap_or(&failure.item),
            failure.reason
        );
    }
    let shown = batch.failures.len() as u64;
    if batch.failed > shown {
        println!("  and {} more failures", batch.failed - shown);
    }
}

pub fn case(case: &CaseRecord) {
    println!("{}  {}", case.case_id, case.title);
    let mut facts: Vec<String> = case
        .modalities
        .iter()
        .chain(&case.body_parts)
        .cloned()
        .collect();
    facts.extend(case.sex.clone());
    facts.extend(case.age_years.map(|age| format!("{age:.0} y")));
    facts.extend(case.date.clone());
    println!("{}", facts.join(", "));
    if !case.labels.is_empty() {
        println!("labels: {}", case.labels.join(", "));
    }
    for image in &case.images {
        let reason = image
            .reason
            .as_ref()
            .map(|reason| format!(": {reason}"))
            .unwrap_or_default();
        println!(
            "  {}  {} {}×{} px, {} frames, {}{reason}",
            image.image_id,
            image.format,
            image.width_px,
            image.height_px,
            image.frames,
            image.state
        );
        if let Some(path) = &image.path {
            println!("    {path}");
        }
    }
    for conflict in &case.conflicts {
        println!(
            "  conflict: one SOP Instance UID, different bytes: {}",
            conflict.image_ids.join(", ")
        );
    }
    for section in case.report.iter().flat_map(|report| &report.sections) {
        if !section.heading.is_empty() {
            println!("{}", section.heading);
        }
        for sentence in &section.sentences {
            println!("  {}", sentence.text);
        }
    }
}
