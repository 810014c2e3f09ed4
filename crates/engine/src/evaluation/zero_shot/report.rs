//! A zero-shot report as Markdown.

use super::ZeroShotReport;

/// Names of unreadable pictures that are shown.
const SHOWN: usize = 10;

/// The report as Markdown.
pub fn zero_shot_markdown(report: &ZeroShotReport) -> String {
    let (counts, prompts) = (&report.counts, &report.prompts);
    let kind = if prompts.is_of_classes() {
        "classes, of which a picture shows one"
    } else {
        "findings, each present or absent"
    };
    let mut text = format!(
        "# Zero-shot classification\n\n`{}`\n\ncasekin {}, {}; model `{}`, profile {}, precision {}, pipeline {}.\n\n",
        report.command,
        report.version,
        report.made,
        report.model_id,
        report.profile,
        report.precision,
        report.pipeline_version
    );
    text.push_str(&format!(
        "{}: {} {kind}, {} prompts. {} pictures ({} views) of {} patients. Left out: {} without a label that the prompts \
         know, {} that could not be read.\n\n",
        prompts.name,
        report.labels.len(),
        counts.prompts,
        counts.pictures,
        counts.views,
        counts.patients,
        counts.unlabelled,
        counts.unreadable
    ));
    for notice in &report.notices {
        text.push_str(&format!("> {notice}.\n\n"));
    }
    for (name, reason) in report.unreadable.iter().take(SHOWN) {
        text.push_str(&format!(
            "> Could not be read: {}: {}.\n\n",
            cell(name),
            cell(reason)
        ));
    }
    text.push_str("| metric | value | 95 % interval |\n|---|---:|---:|\n");
    for metric in &report.metrics {
        let (value, interval) = (number(metric.value), range(metric.interval));
        text.push_str(&format!("| {} | {value} | {interval} |\n", metric.name));
    }
    rows(&mut text, report);
    text
}

fn rows(text: &mut String, report: &ZeroShotReport) {
    let findings = !report.prompts.is_of_classes();
    let (head, rule) = if findings {
        (" accuracy |", "---:|")
    } else {
        ("", "")
    };
    text.push_str(&format!(
        "\n| label | with | without | AUC | 95 % interval | precision | recall | F1 | 95 % interval |{head}\n\
         |---|---:|---:|---:|---:|---:|---:|---:|---:|{rule}\n"
    ));
    for row in &report.labels {
        text.push_str(&format!(
            "| {} | {} | {} | {} | {} | {} | {} | {:.3} | {} |",
            cell(&row.label),
            row.positives,
            row.negatives,
            number(row.auc),
            range(row.auc_interval),
            number(row.precision),
            number(row.recall),
            row.f1,
            range(row.f1_interval)
        ));
        if findings {
            text.push_str(&format!(" {} |", number(row.accuracy)));
        }
        text.push('\n');
    }
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.3}"))
}

fn range(interval: Option<[f64; 2]>) -> String {
    interval.map_or_else(
        || "–".to_owned(),
        |[low, high]| format!("{low:.3}–{high:.3}"),
    )
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace(['\n', '\r'], " ")
}
