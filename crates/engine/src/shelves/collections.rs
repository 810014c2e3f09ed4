//! Collections: cases put together by hand, in order, each with a note.

use casekin_catalog::{CaseNo, CollectionId, CollectionRecord as CatalogCollection};

use crate::error::EngineError;
use crate::library::Library;
use crate::records::{CollectionItem, CollectionName, CollectionRecord};

/// A change to a case in a collection; what is left out stays.
#[derive(Clone, Debug, Default)]
pub struct ItemChange {
    /// Note on why it is here.
    pub note: Option<String>,
    /// Place, from 0.
    pub position: Option<u32>,
}

impl Library {
    /// All collections, without their cases.
    ///
    /// # Errors
    /// Any error of the catalog.
    pub async fn collections(&self) -> Result<Vec<CollectionRecord>, EngineError> {
        let all = self.inner.catalog.collections().await?;
        Ok(all
            .into_iter()
            .map(|one| CollectionRecord {
                id: one.collection_id.0,
                name: one.name,
                cases: one.cases as u32,
                updated: rfc3339(one.changed_ms),
                items: None,
            })
            .collect())
    }

    /// A collection with its cases in order.
    ///
    /// # Errors
    /// [`EngineError::NoSuchCollection`].
    pub async fn collection(&self, id: &str) -> Result<CollectionRecord, EngineError> {
        let found = self.collection_record(id).await?;
        let cases: Vec<CaseNo> = found.cases.iter().map(|case| case.case_no).collect();
        let summaries = self.inner.catalog.case_summaries(&cases).await?;
        let items = found.cases.iter().zip(0..).map(|(case, position)| {
            let summary = summaries
                .iter()
                .find(|summary| summary.case_no == case.case_no);
            CollectionItem {
                case_id: case.case_id.clone(),
                title: case.title.clone().unwrap_or_default(),
                labels: summary
                    .map(|summary| summary.facts.labels.clone())
                    .unwrap_or_default(),
                note: case.note.clone(),
                position,
                thumbnail_image_id: summary.and_then(|summary| summary.first_image_id.clone()),
            }
        });
        Ok(CollectionRecord {
            id: id.to_owned(),
            name: found.name.clone(),
            cases: found.cases.len() as u32,
            updated: rfc3339(found.changed_ms),
            items: Some(items.collect()),
        })
    }

    async fn collection_record(&self, id: &str) -> Result<CatalogCollection, EngineError> {
        let found = self
            .inner
            .catalog
            .collection(&CollectionId(id.to_owned()))
            .await?;
        found.ok_or(EngineError::NoSuchCollection)
    }

    /// Makes a collection.
    ///
    /// # Errors
    /// An empty name.
    pub async fn create_collection(&self, name: &str) -> Result<CollectionRecord, EngineError> {
        let id = self
            .inner
            .catalog
            .create_collection(valid_name(name)?)
            .await?;
        self.collection(&id.0).await
    }

    /// Gives a collection another name.
    ///
    /// # Errors
    /// [`EngineError::NoSuchCollection`]; an empty name.
    pub async fn rename_collection(
        &self,
        id: &str,
        name: &str,
    ) -> Result<CollectionRecord, EngineError> {
        self.inner
            .catalog
            .rename_collection(&CollectionId(id.to_owned()), valid_name(name)?)
            .await?;
        self.collection(id).await
    }

    /// Collections that hold a case.
    pub(super) async fn collections_with(
        &self,
        case_no: CaseNo,
    ) -> Result<Vec<CollectionName>, EngineError> {
        let mut found = Vec::new();
        for one in self.inner.catalog.collections().await? {
            let whole = self.inner.catalog.collection(&one.collection_id).await?;
            if whole.is_some_and(|whole| whole.cases.iter().any(|case| case.case_no == case_no)) {
                found.push(CollectionName {
                    id: one.collection_id.0,
                    name: one.name,
                });
            }
        }
        Ok(found)
    }

    /// Deletes a collection; its cases stay in the library.
    ///
    /// # Errors
    /// [`EngineError::NoSuchCollection`].
    pub async fn delete_collection(&self, id: &str) -> Result<(), EngineError> {
        Ok(self
            .inner
            .catalog
            .delete_collection(&CollectionId(id.to_owned()))
            .await?)
    }

    /// Adds a case, or changes its note where it is there already.
    ///
    /// # Errors
    /// [`EngineError::NoSuchCollection`], [`EngineError::NoSuchCase`].
    pub async fn add_to_collection(
        &self,
        id: &str,
        case_id: &str,
        note: &str,
    ) -> Result<CollectionRecord, EngineError> {
        let case_no = self.known_case_no(case_id).await?;
        self.inner
            .catalog
            .add_to_collection(&CollectionId(id.to_owned()), case_no, note)
            .await?;
        self.collection(id).await
    }

    /// Changes note or place of a case.
    ///
    /// # Errors
    /// [`EngineError::NoSuchCollection`], [`EngineError::NoSuchCase`].
    pub async fn change_collection_item(
        &self,
        id: &str,
        case_id: &str,
        change: ItemChange,
    ) -> Result<CollectionRecord, EngineError> {
        let collection = CollectionId(id.to_owned());
        let found = self.collection_record(id).await?;
        let at = found
            .cases
            .iter()
            .position(|case| case.case_id == case_id)
            .ok_or(EngineError::NoSuchCase)?;
        if let Some(note) = &change.note {
            self.inner
                .catalog
                .add_to_collection(&collection, found.cases[at].case_no, note)
                .await?;
        }
        if let Some(position) = change.position {
            let mut order: Vec<CaseNo> = found.cases.iter().map(|case| case.case_no).collect();
            let moved = order.remove(at);
            order.insert((position as usize).min(order.len()), moved);
            self.inner
                .catalog
                .order_collection(&collection, &order)
                .await?;
        }
        self.collection(id).await
    }

    /// Takes a case out; it stays in the library.
    ///
    /// # Errors
    /// [`EngineError::NoSuchCollection`], [`EngineError::NoSuchCase`].
    pub async fn remove_from_collection(
        &self,
        id: &str,
        case_id: &str,
    ) -> Result<CollectionRecord, EngineError> {
        let case_no = self.known_case_no(case_id).await?;
        self.inner
            .catalog
            .remove_from_collection(&CollectionId(id.to_owned()), case_no)
            .await?;
        self.collection(id).await
    }
}

fn valid_name(name: &str) -> Result<&str, EngineError> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > 200 {
        return Err(EngineError::bad_query(
            "a collection's name has 1 to 200 characters",
        ));
    }
    Ok(name)
}

/// Milliseconds since 1970 as RFC 3339.
pub(super) fn rfc3339(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms)
        .map(|at| at.to_string())
        .unwrap_or_default()
}
