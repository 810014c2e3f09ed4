// The report by sections; sentences that deny, doubt or look back are told apart quietly.

import type { CaseRecord } from "../api/types";

const HEADINGS: Record<string, string> = {
  title: "Title",
  history: "History",
  technique: "Technique",
  findings: "Findings",
  impression: "Impression",
  other: "Report",
};

const POLARITIES: Record<string, string> = {
  negated: "Negated: searched only by queries that deny it",
  uncertain: "Uncertain",
  historical: "Of the past",
};

export function Report({ report }: { report: CaseRecord["report"] }) {
  if (!report || report.sections.length === 0) {
    return (
      <section className="case-section">
        <h2>Report</h2>
        <p className="muted">This case has no report.</p>
      </section>
    );
  }
  const marked = report.sections.some(({ sentences }) =>
    sentences.some(({ polarity }) => polarity in POLARITIES),
  );
  return (
    <article
      className="report"
      aria-label="Report"
      lang={report.language === "other" ? undefined : (report.language ?? undefined)}
    >
      {report.sections.map((section, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the sections of a report never move
        <section className="case-section" key={at}>
          <h2>{section.heading || HEADINGS[section.kind] || section.kind}</h2>
          <p>
            {section.sentences.map(({ text, polarity }, place) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: the sentences of a report never move
              <span key={place} className={`said said-${polarity}`} title={POLARITIES[polarity]}>
                {text}{" "}
              </span>
            ))}
          </p>
        </section>
      ))}
      {marked && (
        <p className="report-key" lang="en">
          <span className="said-negated">Muted: negated</span>
          <span className="said-uncertain">dotted: uncertain or past</span>
        </p>
      )}
    </article>
  );
}
