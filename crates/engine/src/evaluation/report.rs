//! A report as Markdown and as a plot.

use std::fmt::Write as _;

use super::{ComparedWays, MetricRow, RetrievalReport};

/// The report as Markdown.
pub fn retrieval_markdown(report: &RetrievalReport) -> String {
    let (from, counts) = (&report.provenance, &report.counts);
    let mut text = format!(
        "# Retrieval, one patient left out at a time\n\n`{}`\n\n",
        report.command
    );
    let stamp = format!(
        "casekin {}, {}; model {} (`{}`), profile {}, precision {}, pipeline {}; index at change {} of {}.\n\n",
        from.version,
        from.made,
        from.model.name,
        from.model.id,
        from.model.profile,
        from.precision,
        from.pipeline_version,
        from.index_seq,
        from.latest_seq
    );
    text.push_str(&stamp);
    let body = format!(
        "{} queries; {} cases with {} pictures ({} views) of {} known patients answer, {} cases of unknown patients among \
         them; {} labels in {} combinations. Left out: {} cases without label, {} without picture. Counted as wrong: {} \
         queries without vector, {} without a right answer, the missing places of {} short answers.\n\n",
        counts.queries,
        counts.cases,
        counts.pictures,
        counts.views,
        counts.patients,
        counts.cases_of_unknown_patients,
        counts.labels,
        counts.label_sets,
        counts.unlabelled,
        counts.without_pictures,
        counts.queries_without_vectors,
        counts.queries_without_a_right_answer,
        counts.queries_with_short_answers
    );
    text.push_str(&body);
    for notice in &report.notices {
        text.push_str(&format!("> {notice}.\n\n"));
    }
    text.push_str("| metric | value | 95 % interval | labels shuffled | 95 % of shuffles |\n|---|---:|---:|---:|---:|\n");
    for row in &report.metrics {
        let ([low, high], [least, most]) = (row.interval, row.shuffled_interval);
        let line = format!(
            "| {} | {:.3} | {low:.3}–{high:.3} | {:.3} | {least:.3}–{most:.3} |\n",
            row.name, row.value, row.shuffled
        );
        text.push_str(&line);
    }
    text.push('\n');
    if let Some(compared) = &report.compared {
        ways_compared(&mut text, compared);
    }
    labels(&mut text, report);
    text
}

fn ways_compared(text: &mut String, compared: &ComparedWays) {
    let head = format!(
        "What a case is asked by, {} over the same {} queries, {} of them of several views:\n\n\
         | way | asks | value | 95 % interval | queries of several views |\n|---|---|---:|---:|---:|\n",
        compared.metric, compared.queries, compared.of_several_views
    );
    text.push_str(&head);
    for way in &compared.ways {
        let [low, high] = way.interval;
        let line = format!(
            "| {} | {} | {:.3} | {low:.3}–{high:.3} | {:.3} |\n",
            way.name, way.asks, way.value, way.of_several_views
        );
        text.push_str(&line);
    }
    text.push_str("\n| difference | value | 95 % interval | queries of several views |\n|---|---:|---:|---:|\n");
    for pair in &compared.differences {
        let [low, high] = pair.interval;
        let line = format!(
            "| {} | {:+.3} | {low:+.3} to {high:+.3} | {:+.3} |\n",
            pair.name, pair.value, pair.of_several_views
        );
        text.push_str(&line);
    }
    text.push('\n');
}

fn labels(text: &mut String, report: &RetrievalReport) {
    text.push_str("| label | queries | patients |");
    for k in &report.request.k {
        text.push_str(&format!(" P@{k} |"));
    }
    text.push_str(" vote@1 | vote@3 | vote@5 | F1@1 | F1@3 | F1@5 | mAP |\n|---|");
    text.push_str(&"---:|".repeat(report.request.k.len() + 9));
    text.push('\n');
    for row in &report.labels {
        let name = row.label.replace('|', "\\|").replace(['\n', '\r'], " ");
        text.push_str(&format!("| {name} | {} | {} |", row.queries, row.patients));
        let values = row
            .precision
            .iter()
            .chain(&row.vote_recall)
            .chain(&row.vote_f1);
        for value in values.chain([&row.map]) {
            text.push_str(&format!(" {value:.3} |"));
        }
        text.push('\n');
    }
}

const WIDTH_PX: f64 = 720.0;
const LEFT_PX: f64 = 52.0;
const TOP_PX: f64 = 48.0;
const PLOT_PX: f64 = 240.0;

/// The report's precisions and votes as an SVG, in greys and one blue that are legible on white and on black.
pub fn retrieval_svg(report: &RetrievalReport) -> String {
    let shown = |row: &&MetricRow| {
        ["precision@", "top1_", "vote_accuracy@"]
            .iter()
            .any(|name| row.name.starts_with(name))
    };
    let rows: Vec<&MetricRow> = report.metrics.iter().filter(shown).collect();
    let step = (WIDTH_PX - LEFT_PX - 12.0) / rows.len().max(1) as f64;
    let from = &report.provenance;
    let id = from.model.id.get(..12).unwrap_or(&from.model.id);
    let mut svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH_PX} 352" font-family="sans-serif" font-size="12" fill="#808080" role="img">
<title>Retrieval, one patient left out at a time</title>
<text x="{LEFT_PX}" y="18" font-size="14">{} queries, {} cases, {} patients; {}</text>
<text x="{LEFT_PX}" y="36">bar: value with 95 % interval by patient; dash: labels shuffled</text>
"##,
        report.counts.queries,
        report.counts.cases,
        report.counts.patients,
        escaped(
            &report
                .request
                .label
                .clone()
                .unwrap_or_else(|| "plain labels".into())
        ),
    );
    for tenth in (0..=10).step_by(2) {
        let y = y_of(f64::from(tenth) / 10.0);
        let line = format!(
            r##"<line x1="{LEFT_PX}" x2="{:.0}" y1="{y:.1}" y2="{y:.1}" stroke="#808080" stroke-opacity="0.35"/><text x="{:.0}" y="{:.1}" text-anchor="end">{:.1}</text>
"##,
            WIDTH_PX - 12.0,
            LEFT_PX - 6.0,
            y + 4.0,
            f64::from(tenth) / 10.0
        );
        svg.push_str(&line);
    }
    for (at, row) in rows.iter().enumerate() {
        bar(
            &mut svg,
            row,
            LEFT_PX + step * (at as f64 + 0.5),
            step * 0.55,
        );
    }
    let footer = format!(
        "{} {id}, profile {}, pipeline {}, index {}, casekin {}, {}",
        from.model.name,
        from.model.profile,
        from.pipeline_version,
        from.index_seq,
        from.version,
        from.made
    );
    svg.push_str(&format!(
        "<text x=\"{LEFT_PX}\" y=\"342\" font-size=\"11\">{}</text>\n</svg>\n",
        escaped(&footer)
    ));
    svg
}

fn y_of(value: f64) -> f64 {
    TOP_PX + PLOT_PX * (1.0 - value)
}

fn bar(svg: &mut String, row: &MetricRow, middle: f64, width: f64) {
    let (left, y, bottom) = (middle - width / 2.0, y_of(row.value), y_of(0.0));
    let [low, high] = row.interval.map(y_of);
    let chance = y_of(row.shuffled);
    let name = row
        .name
        .replace("precision", "P")
        .replace("top1_accuracy", "top-1");
    let name = name.replace("vote_accuracy", "vote");
    // Writing to a string cannot fail.
    let _ = write!(
        svg,
        r##"<rect x="{left:.1}" y="{y:.1}" width="{width:.1}" height="{:.1}" fill="#3d7ea6"/>
<path d="M{middle:.1} {low:.1}V{high:.1}M{:.1} {low:.1}h8M{:.1} {high:.1}h8" stroke="#808080" stroke-width="2" fill="none"/>
<line x1="{left:.1}" x2="{:.1}" y1="{chance:.1}" y2="{chance:.1}" stroke="#d9822b" stroke-width="2" stroke-dasharray="4 3"/>
<text x="{middle:.1}" y="{:.1}" text-anchor="middle">{name}</text><text x="{middle:.1}" y="{:.1}" text-anchor="middle">{:.3}</text>
"##,
        bottom - y,
        middle - 4.0,
        middle - 4.0,
        left + width,
        bottom + 16.0,
        bottom + 32.0,
        row.value
    );
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
