//! The tantivy index: writing, physical deletion and searching.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tantivy::collector::{DocSetCollector, FilterCollector, TopDocs};
use tantivy::indexer::{LogMergePolicy, MergePolicy, NoMergePolicy};
use tantivy::query::TermQuery;
use tantivy::schema::IndexRecordOption;
use tantivy::schema::document::Value;
use tantivy::tokenizer::TextAnalyzer;
use tantivy::{
    DocAddress, Index, IndexReader, IndexWriter, ReloadPolicy, Searcher, TantivyDocument,
    TantivyError, Term,
};

use super::analyse::{self, LANGUAGES};
use super::directory::{DurableText, UnsyncedDirectory};
use super::fields::{CASE_NO, Section, TextFields, at};
use super::passages::Passages;
use super::query::{Compiled, Compiler};
use super::statistics::Statistics;
use super::tokenise::{Runs, SENTENCE_END};
use crate::numbers::CaseNumbers;
use crate::snapshot::damaged;
use crate::{CaseEntry, IndexError, Passage, ReportFields, WordMatch, WordsQuery};

const WRITER_BYTES: usize = 48 << 20;

/// One document per case.
pub(crate) struct TextIndex {
    index: Index,
    directory: UnsyncedDirectory,
    reader: IndexReader,
    writer: Mutex<IndexWriter>,
    fields: TextFields,
}

impl TextIndex {
    /// Opens the folder (made if missing) at what is durable, every file's checksum verified.
    pub(crate) fn open(dir: &Path, durable: Option<&DurableText>) -> Result<Self, IndexError> {
        let (schema, fields) = TextFields::build();
        let directory = UnsyncedDirectory::open(dir, durable)?;
        let index = Index::open_or_create(directory.clone(), schema).map_err(opening)?;
        analyse::register(index.tokenizers());
        let bad_files = index.validate_checksum().map_err(opening)?;
        if !bad_files.is_empty() {
            return Err(damaged("text", "a file's checksum is wrong"));
        }
        let writer: IndexWriter =
            index
                .writer_with_num_threads(1, WRITER_BYTES)
                .map_err(|error| match error {
                    TantivyError::LockFailure(..) => IndexError::Busy {
                        path: dir.to_owned(),
                    },
                    error => opening(error),
                })?;
        writer.set_merge_policy(Box::new(NoMergePolicy));
        let reader = index
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .try_into()
            .map_err(opening)?;
        Ok(Self {
            index,
            directory,
            reader,
            writer: Mutex::new(writer),
            fields,
        })
    }

    /// Replaces the documents of these cases, visible on return.
    pub(crate) fn apply(&self, entries: &[&CaseEntry], gone: &[u64]) -> Result<(), IndexError> {
        let mut writer = self.lock_writer();
        let written = self.write(&mut writer, entries, gone);
        if written.is_err() {
            let _ = writer.rollback();
        }
        written.map_err(text_error("write"))?;
        self.reader.reload().map_err(text_error("reload"))?;
        Ok(())
    }

    fn write(
        &self,
        writer: &mut IndexWriter,
        entries: &[&CaseEntry],
        gone: &[u64],
    ) -> tantivy::Result<()> {
        for case_no in gone
            .iter()
            .copied()
            .chain(entries.iter().map(|entry| entry.case_no))
        {
            writer.delete_term(Term::from_field_u64(self.fields.case_no, case_no));
        }
        for entry in entries {
            writer.add_document(self.document(entry))?;
        }
        writer.commit()?;
        let policy = LogMergePolicy::default();
        let merges = policy.compute_merge_candidates(&self.index.searchable_segment_metas()?);
        for merge in merges {
            writer.merge(&merge.0).wait()?;
        }
        Ok(())
    }

    fn document(&self, entry: &CaseEntry) -> TantivyDocument {
        let none = ReportFields {
            language: "en".into(),
            ..ReportFields::default()
        };
        let report = entry.report.as_ref().unwrap_or(&none);
        let language = analyse::language_no(&report.language);
        let mut document = TantivyDocument::default();
        document.add_u64(self.fields.case_no, entry.case_no);
        document.add_text(self.fields.language, LANGUAGES[language]);
        for (section, text) in texts(entry, report) {
            let text = analyse::composed(text);
            document.add_text(self.fields.kept[at(section)], &text);
            let searched = match section.denies() {
                true => text.replace('\n', SENTENCE_END),
                false => text,
            };
            for language in section.languages(language) {
                document.add_text(self.fields.searched(section, language), &searched);
            }
        }
        document
    }

    /// Rewrites segments so that nothing of a deleted document is left in any file.
    pub(crate) fn purge(&self) -> Result<(), IndexError> {
        let mut writer = self.lock_writer();
        let purged = |writer: &mut IndexWriter| -> tantivy::Result<()> {
            for segment in self.index.searchable_segment_metas()? {
                if segment.has_deletes() {
                    writer.merge(&[segment.id()]).wait()?;
                }
            }
            self.reader.reload()?;
            writer.garbage_collect_files().wait()?;
            Ok(())
        };
        purged(&mut writer).map_err(text_error("purge"))
    }

    /// Syncs the present state; the manifest must name it, then [`TextIndex::settle`] must follow.
    pub(crate) fn sync(&self) -> Result<DurableText, IndexError> {
        let metas = self.index.load_metas().map_err(text_error("describe"))?;
        self.directory.sync(metas.list_segment_files())
    }

    /// Removes every file that the state named by the manifest does not need.
    pub(crate) fn settle(&self, durable: &DurableText) -> Result<(), IndexError> {
        self.directory.settle(durable)
    }

    fn lock_writer(&self) -> MutexGuard<'_, IndexWriter> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The best cases among those allowed, ties by case number, with what they say.
    pub(crate) fn search(
        &self,
        query: &WordsQuery,
        wanted: usize,
        allowed: Arc<CaseNumbers>,
    ) -> Result<Vec<WordMatch>, IndexError> {
        let searcher = self.reader.searcher();
        let Some(compiled) = self.compiled(&searcher, query) else {
            return Ok(Vec::new());
        };
        let mut analysers = analysers();
        self.best(&searcher, &compiled, wanted, allowed)?
            .into_iter()
            .map(|(case_no, score, address)| {
                let document = searcher.doc(address).map_err(text_error("read"))?;
                let (passages, matched_labels) =
                    self.explained(&document, &compiled, &mut analysers);
                Ok(WordMatch {
                    case_no,
                    score,
                    passages,
                    matched_labels,
                })
            })
            .collect()
    }

    /// The best cases among those allowed with their scores, ties by case number. Reads no text.
    pub(crate) fn rank(
        &self,
        query: &WordsQuery,
        wanted: usize,
        allowed: Arc<CaseNumbers>,
    ) -> Result<Vec<(u64, f32)>, IndexError> {
        let searcher = self.reader.searcher();
        let Some(compiled) = self.compiled(&searcher, query) else {
            return Ok(Vec::new());
        };
        let best = self.best(&searcher, &compiled, wanted, allowed)?;
        Ok(best
            .into_iter()
            .map(|(case_no, score, _)| (case_no, score))
            .collect())
    }

    /// What cases say that answers a query; those that say nothing of it are left out.
    pub(crate) fn passages(
        &self,
        query: &WordsQuery,
        cases: &[u64],
    ) -> Result<Vec<(u64, Vec<Passage>)>, IndexError> {
        let searcher = self.reader.searcher();
        let Some(compiled) = self.compiled(&searcher, query) else {
            return Ok(Vec::new());
        };
        let mut analysers = analysers();
        let mut found = Vec::with_capacity(cases.len());
        for case_no in cases {
            let term = Term::from_field_u64(self.fields.case_no, *case_no);
            let of_case = TermQuery::new(term, IndexRecordOption::Basic);
            let addresses = searcher
                .search(&of_case, &DocSetCollector)
                .map_err(text_error("search"))?;
            let Some(address) = addresses.into_iter().next() else {
                continue;
            };
            let document = searcher.doc(address).map_err(text_error("read"))?;
            let (passages, _) = self.explained(&document, &compiled, &mut analysers);
            if !passages.is_empty() {
                found.push((*case_no, passages));
            }
        }
        Ok(found)
    }

    fn compiled(&self, searcher: &Searcher, query: &WordsQuery) -> Option<Compiled> {
        Compiler::new(searcher, &self.fields, query.texts).compile(query)
    }

    fn best(
        &self,
        searcher: &Searcher,
        compiled: &Compiled,
        wanted: usize,
        allowed: Arc<CaseNumbers>,
    ) -> Result<Vec<(u64, f32, DocAddress)>, IndexError> {
        let collector = FilterCollector::new(
            CASE_NO.to_owned(),
            move |case_no: u64| allowed.contains(case_no),
            TopDocs::with_limit(wanted).order_by_score(),
        );
        let found = searcher
            .search_with_statistics_provider(
                &compiled.query,
                &collector,
                &Statistics::new(searcher, &self.fields),
            )
            .map_err(text_error("search"))?;
        let columns: Vec<_> = searcher
            .segment_readers()
            .iter()
            .map(|segment| segment.fast_fields().u64(CASE_NO))
            .collect::<tantivy::Result<_>>()
            .map_err(text_error("read"))?;
        let numbered = found.into_iter().filter_map(|(score, address)| {
            let column = &columns[address.segment_ord as usize];
            Some((column.first(address.doc_id)?, score, address))
        });
        let mut best: Vec<(u64, f32, DocAddress)> = numbered.collect();
        best.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        Ok(best)
    }

    /// The passages of a document that answer the query, and its labels that do.
    fn explained(
        &self,
        document: &TantivyDocument,
        compiled: &Compiled,
        analysers: &mut [TextAnalyzer],
    ) -> (Vec<Passage>, Vec<String>) {
        let language = analyse::language_no(
            document
                .get_first(self.fields.language)
                .and_then(|value| value.as_str())
                .unwrap_or_default(),
        );
        let mut passages = Passages::new();
        let mut matched_labels = Vec::new();
        for section in Section::ALL {
            if !section.is_of(compiled.texts) {
                continue;
            }
            let wanted = match section.denies() {
                true => &compiled.negated,
                false => &compiled.affirmed,
            };
            for value in document.get_all(self.fields.kept[at(section)]) {
                let text = value.as_str().unwrap_or_default();
                let matched = section.languages(language).into_iter().find(|language| {
                    analyse::stems(&mut analysers[*language], text)
                        .iter()
                        .any(|stem| wanted[*language].contains(&stem.text))
                });
                let Some(matched) = matched else { continue };
                passages.add(
                    section.name(),
                    text,
                    &mut analysers[matched],
                    &wanted[matched],
                );
                if section == Section::Labels {
                    matched_labels.push(text.to_owned());
                }
            }
        }
        (passages.best(), matched_labels)
    }
}

/// Of each language, as reports are written.
fn analysers() -> Vec<TextAnalyzer> {
    (0..LANGUAGES.len())
        .map(|language| analyse::analyser(language, Runs::Written))
        .collect()
}

/// What a case says, section by section; labels and titles that come twice are taken once.
fn texts<'a>(entry: &'a CaseEntry, report: &'a ReportFields) -> Vec<(Section, &'a str)> {
    let mut texts: Vec<(Section, &str)> = vec![
        (Section::Title, &entry.facts.title),
        (Section::Title, &report.title),
        (Section::Findings, &report.findings),
        (Section::Impression, &report.impression),
        (Section::History, &report.history),
        (Section::Other, &report.other),
        (Section::Uncertain, &report.uncertain),
        (Section::Historical, &report.historical),
        (Section::Negated, &report.negated),
    ];
    let lines = |section, lines: &'a str| lines.lines().map(move |label| (section, label));
    let not_affirmed: Vec<(Section, &str)> = lines(Section::DeniedLabels, &report.denied_labels)
        .chain(lines(Section::UncertainLabels, &report.uncertain_labels))
        .collect();
    // Where the report has labels, all of them are there, parted by what they say.
    let is_parted = !(report.labels.is_empty() && not_affirmed.is_empty());
    let own = entry.facts.labels.iter().filter(|_| !is_parted);
    let affirmed = own
        .map(String::as_str)
        .chain(report.labels.lines())
        .map(|label| (Section::Labels, label));
    texts.extend(affirmed);
    texts.extend(not_affirmed.iter().copied());
    let mut seen: HashMap<(usize, String), ()> = HashMap::new();
    texts.retain_mut(|(section, text)| {
        *text = text.trim();
        !text.is_empty()
            && seen
                .insert((at(*section), text.to_lowercase()), ())
                .is_none()
    });
    texts
}

/// A hash of everything that the text index holds of a case; never 0.
pub(crate) fn text_hash(entry: &CaseEntry) -> u64 {
    let mut hasher = DefaultHasher::new();
    let report = entry.report.clone().unwrap_or_default();
    (report.language.as_str(), &entry.facts.title).hash(&mut hasher);
    for (section, text) in texts(entry, &report) {
        (at(section), text).hash(&mut hasher);
    }
    hasher.finish().max(1)
}

fn text_error(action: &'static str) -> impl Fn(TantivyError) -> IndexError {
    move |source| IndexError::Text {
        action,
        source: Box::new(source),
    }
}

/// What goes wrong while opening is damage, unless the operating system itself failed.
fn opening(error: TantivyError) -> IndexError {
    match error {
        TantivyError::IoError(_)
        | TantivyError::OpenDirectoryError(_)
        | TantivyError::SystemError(_) => text_error("open")(error),
        TantivyError::SchemaError(_) | TantivyError::IncompatibleIndex(_) => {
            damaged("text", "it was made by another version")
        }
        _ => damaged("text", "its files contradict each other"),
    }
}
