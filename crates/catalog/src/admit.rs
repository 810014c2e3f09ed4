//! The admission itself: case, image, report, job and change row in one transaction.

use sqlx::{Row as _, SqliteConnection};

use crate::sealed::{self, Kind, Owner, path_bytes};
use crate::store::touch;
use crate::{
    Admission, Admitted, CaseNo, Catalog, CatalogError, ImageNo, JobId, NewImage, NewReport,
    ObjectRef, Outcome,
};

/// An image that the catalog has already.
struct KnownImage {
    image_no: ImageNo,
    image_id: String,
    case_no: CaseNo,
}

impl Catalog {
    /// Takes one file in: case, image, report, job and change row, or nothing. Idempotent.
    pub async fn admit(&self, admission: Admission) -> Result<Admitted, CatalogError> {
        let mut write = self.write().await?;
        let admitted = self.admit_in(&mut write, admission).await?;
        self.commit(write).await?;
        Ok(admitted)
    }

    /// Takes several files in within one transaction: all or none.
    pub async fn admit_all(
        &self,
        admissions: Vec<Admission>,
    ) -> Result<Vec<Admitted>, CatalogError> {
        let mut write = self.write().await?;
        let mut admitted = Vec::with_capacity(admissions.len());
        for admission in admissions {
            admitted.push(self.admit_in(&mut write, admission).await?);
        }
        self.commit(write).await?;
        Ok(admitted)
    }

    async fn admit_in(
        &self,
        write: &mut SqliteConnection,
        admission: Admission,
    ) -> Result<Admitted, CatalogError> {
        let case_id = admission.case.public_id(self.keyring());
        if case_id.len() > 256 || case_id.chars().any(char::is_control) {
            return Err(CatalogError::InvalidValue {
                field: "case_id",
                reason: "1 to 256 printable characters",
            });
        }
        let known = match &admission.image {
            Some(image) => known_image(write, &image.content_sha256, &case_id).await?,
            None => None,
        };
        let existing = case_of(write, &case_id).await?;
        // Known bytes that bring nothing of their own join the case that has them already.
        let case_no = match (&known, existing) {
            (Some(known), None) if admission.report.is_none() => known.case_no,
            (_, Some(case_no)) => case_no,
            (_, None) => self.new_case(write, &case_id, &admission).await?,
        };
        let new_case =
            existing.is_none() && known.as_ref().is_none_or(|known| known.case_no != case_no);
        let mut changed = new_case;
        changed |= self.merge_facts(write, case_no, &admission).await?;
        if let Some(report) = &admission.report {
            changed |= self.put_report(write, case_no, report).await?;
        }
        let (image, job, outcome) = match (&admission.image, known) {
            (None, _) => (
                None,
                None,
                if new_case {
                    Outcome::New
                } else {
                    Outcome::KnownCase
                },
            ),
            (Some(image), Some(known)) => {
                let job = self.meet_again(write, &known, image).await?;
                let elsewhere = (known.case_no != case_no).then_some(known.case_no);
                (
                    Some((known.image_no, known.image_id)),
                    job,
                    Outcome::KnownImage { elsewhere },
                )
            }
            (Some(image), None) => {
                changed = true;
                let (image_no, image_id, job) = self.new_image(write, case_no, image).await?;
                self.hold_slice(write, (image_no, image), admission.batch)
                    .await?;
                let with = conflicts(write, self.sop_lookup(image), image).await?;
                let outcome = if with.is_empty() {
                    Outcome::New
                } else {
                    Outcome::SopConflict { with }
                };
                (Some((image_no, image_id)), Some(job), outcome)
            }
        };
        let image_no = image.as_ref().map(|(image_no, _)| *image_no);
        if let Some(batch) = admission.batch {
            let name = if matches!(outcome, Outcome::KnownImage { .. }) {
                "known"
            } else {
                "admitted"
            };
            sqlx::query("INSERT INTO batch_files (batch_no, outcome, image_no) VALUES (?, ?, ?)")
                .bind(batch.sql())
                .bind(name)
                .bind(image_no.map(ImageNo::sql))
                .execute(&mut *write)
                .await
                .map_err(CatalogError::query("noting a file of a batch"))?;
        }
        let seq = if changed {
            touch(write, case_no).await?
        } else {
            last_change(write, case_no).await?
        };
        let case_id = if known_elsewhere(&outcome) || existing.is_some() || new_case {
            case_id
        } else {
            id_of(write, case_no).await?
        };
        Ok(Admitted {
            case_no,
            case_id,
            image_no,
            image_id: image.map(|(_, image_id)| image_id),
            job,
            outcome,
            seq,
        })
    }

    async fn new_case(
        &self,
        write: &mut SqliteConnection,
        case_id: &str,
        admission: &Admission,
    ) -> Result<CaseNo, CatalogError> {
        let patient = admission
            .case
            .patient_id
            .as_deref()
            .and_then(|id| self.keyring().pseudonym(id));
        let inserted = sqlx::query(
            "INSERT INTO cases (case_id, patient, synthetic, admitted_ms) VALUES (?, ?, ?, ?)",
        )
        .bind(case_id)
        .bind(patient)
        .bind(admission.case_facts.synthetic)
        .bind(self.now_ms())
        .execute(&mut *write)
        .await
        .map_err(CatalogError::query("making a case"))?;
        let case_no = CaseNo::from_sql(inserted.last_insert_rowid());
        if case_no.0 > crate::id::MAX_CASE_NO {
            return Err(CatalogError::NumbersUsedUp {
                what: "case",
                limit: crate::id::MAX_CASE_NO,
            });
        }
        Ok(case_no)
    }

    /// First come, first kept: fills what is missing, adds labels, seals identity. True where anything shown changed.
    async fn merge_facts(
        &self,
        write: &mut SqliteConnection,
        case: CaseNo,
        admission: &Admission,
    ) -> Result<bool, CatalogError> {
        let facts = &admission.case_facts;
        let patient = admission
            .case
            .patient_id
            .as_deref()
            .and_then(|id| self.keyring().pseudonym(id));
        let filled = sqlx::query(
            "UPDATE cases SET title = coalesce(title, ?2), sex = coalesce(sex, ?3), age_years = coalesce(age_years, ?4),
                study_date = coalesce(study_date, ?5), site = coalesce(site, ?6), patient = coalesce(patient, ?7)
             WHERE case_no = ?1 AND ((title IS NULL AND ?2 IS NOT NULL) OR (sex IS NULL AND ?3 IS NOT NULL)
                OR (age_years IS NULL AND ?4 IS NOT NULL) OR (study_date IS NULL AND ?5 IS NOT NULL)
                OR (site IS NULL AND ?6 IS NOT NULL) OR (patient IS NULL AND ?7 IS NOT NULL))",
        )
        .bind(case.sql())
        .bind(&facts.title)
        .bind(&facts.sex)
        .bind(facts.age_years)
        .bind(&facts.date)
        .bind(&facts.site)
        .bind(patient)
        .execute(&mut *write)
        .await
        .map_err(CatalogError::query("filling a case's facts"))?;
        let mut changed = filled.rows_affected() > 0;
        for label in facts
            .labels
            .iter()
            .map(|label| label.trim())
            .filter(|label| !label.is_empty())
        {
            let added =
                sqlx::query("INSERT OR IGNORE INTO case_labels (case_no, label) VALUES (?, ?)")
                    .bind(case.sql())
                    .bind(label)
                    .execute(&mut *write)
                    .await
                    .map_err(CatalogError::query("adding a label"))?;
            changed |= added.rows_affected() > 0;
        }
        let identity = &admission.case;
        let values = [
            (Kind::Accession, &identity.accession),
            (Kind::StudyUid, &identity.study_uid),
            (Kind::SeriesUid, &identity.series_uid),
            (Kind::PatientId, &identity.patient_id),
        ];
        for (kind, value) in values {
            if let Some(value) = value
                .as_deref()
                .map(str::trim)
                .filter(|value| !value.is_empty())
            {
                sealed::put(
                    write,
                    self.keyring(),
                    Owner::Case(case),
                    (kind, value.as_bytes()),
                )
                .await?;
            }
        }
        Ok(changed)
    }

    async fn put_report(
        &self,
        write: &mut SqliteConnection,
        case: CaseNo,
        report: &NewReport,
    ) -> Result<bool, CatalogError> {
        let source = report.source.as_deref().unwrap_or(&report.text);
        let lookup = self.keyring().lookup("report", source.as_bytes());
        let put = sqlx::query(
            "INSERT INTO reports (case_no, source_lookup, text, language, analysis_json) VALUES (?, ?, ?, ?, ?)
             ON CONFLICT (case_no, source_lookup) DO UPDATE SET
                text = excluded.text, language = excluded.language, analysis_json = excluded.analysis_json
             WHERE text != excluded.text OR analysis_json != excluded.analysis_json",
        )
        .bind(case.sql())
        .bind(lookup.as_slice())
        .bind(&report.text)
        .bind(&report.language)
        .bind(&report.analysis_json)
        .execute(&mut *write)
        .await
        .map_err(CatalogError::query("keeping a report"))?;
        Ok(put.rows_affected() > 0)
    }

    fn sop_lookup(&self, image: &NewImage) -> Option<[u8; 32]> {
        let uid = image
            .sop_instance_uid
            .as_deref()
            .map(str::trim)
            .filter(|uid| !uid.is_empty())?;
        Some(self.keyring().lookup("sop", uid.as_bytes()))
    }

    async fn new_image(
        &self,
        write: &mut SqliteConnection,
        case: CaseNo,
        image: &NewImage,
    ) -> Result<(ImageNo, String, JobId), CatalogError> {
        let failed = || CatalogError::query("keeping an image");
        let name = [case.0.to_be_bytes().as_slice(), &image.content_sha256].concat();
        let image_id = format!(
            "i-{}",
            &hex::encode(self.keyring().lookup("image", &name))[..16]
        );
        let key = match &image.object {
            ObjectRef::Stored { key } => Some(key.clone()),
            ObjectRef::InPlace { .. } => None,
        };
        let inserted = sqlx::query(
            "INSERT INTO images (image_id, case_no, content_sha256, sop_lookup, bytes, format, modality, body_part,
                laterality, facts_json, object_key, admitted_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(&image_id)
        .bind(case.sql())
        .bind(image.content_sha256.as_slice())
        .bind(self.sop_lookup(image).map(|lookup| lookup.to_vec()))
        .bind(i64::try_from(image.bytes).unwrap_or(i64::MAX))
        .bind(&image.format)
        .bind(&image.modality)
        .bind(&image.body_part)
        .bind(&image.laterality)
        .bind(&image.facts_json)
        .bind(key)
        .bind(self.now_ms())
        .execute(&mut *write)
        .await
        .map_err(failed())?;
        let image_no = ImageNo::from_sql(inserted.last_insert_rowid());
        self.seal_names(write, image_no, image).await?;
        let job =
            sqlx::query("INSERT INTO jobs (image_no, state, queued_ms) VALUES (?, 'queued', ?)")
                .bind(image_no.sql())
                .bind(self.now_ms())
                .execute(&mut *write)
                .await
                .map_err(failed())?;
        Ok((image_no, image_id, JobId::from_sql(job.last_insert_rowid())))
    }

    async fn seal_names(
        &self,
        write: &mut SqliteConnection,
        image_no: ImageNo,
        image: &NewImage,
    ) -> Result<(), CatalogError> {
        let owner = Owner::Image(image_no);
        if let ObjectRef::InPlace { path } = &image.object {
            sealed::put(write, self.keyring(), owner, (Kind::Path, path_bytes(path))).await?;
        }
        if let Some(name) = &image.original_name {
            sealed::put(write, self.keyring(), owner, (Kind::Name, name.as_bytes())).await?;
        }
        Ok(())
    }

    /// Known bytes: the other path is remembered; a failed job gets another chance.
    async fn meet_again(
        &self,
        write: &mut SqliteConnection,
        known: &KnownImage,
        image: &NewImage,
    ) -> Result<Option<JobId>, CatalogError> {
        self.seal_names(write, known.image_no, image).await?;
        let requeued = sqlx::query(
            "UPDATE jobs SET state = 'queued', attempts = 0, reason = NULL, ended_ms = NULL, not_before_ms = 0
             WHERE image_no = ? AND state = 'failed' RETURNING job_id",
        )
        .bind(known.image_no.sql())
        .fetch_optional(&mut *write)
        .await
        .map_err(CatalogError::query("queueing a failed image again"))?;
        Ok(requeued.map(|row| JobId::from_sql(row.get(0))))
    }
}

fn known_elsewhere(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::KnownImage { elsewhere: Some(_) })
}

async fn case_of(
    write: &mut SqliteConnection,
    case_id: &str,
) -> Result<Option<CaseNo>, CatalogError> {
    let row = sqlx::query("SELECT case_no FROM cases WHERE case_id = ?")
        .bind(case_id)
        .fetch_optional(&mut *write)
        .await
        .map_err(CatalogError::query("finding a case"))?;
    Ok(row.map(|row| CaseNo::from_sql(row.get(0))))
}

async fn id_of(write: &mut SqliteConnection, case: CaseNo) -> Result<String, CatalogError> {
    let row = sqlx::query("SELECT case_id FROM cases WHERE case_no = ?")
        .bind(case.sql())
        .fetch_one(&mut *write)
        .await
        .map_err(CatalogError::query("finding a case"))?;
    Ok(row.get(0))
}

/// The image of these bytes: the one in the case named, else the first anywhere.
async fn known_image(
    write: &mut SqliteConnection,
    sha256: &[u8; 32],
    case_id: &str,
) -> Result<Option<KnownImage>, CatalogError> {
    let row = sqlx::query(
        "SELECT image_no, image_id, images.case_no FROM images JOIN cases USING (case_no)
         WHERE content_sha256 = ? ORDER BY case_id = ? DESC, image_no LIMIT 1",
    )
    .bind(sha256.as_slice())
    .bind(case_id)
    .fetch_optional(&mut *write)
    .await
    .map_err(CatalogError::query("looking for known bytes"))?;
    Ok(row.map(|row| KnownImage {
        image_no: ImageNo::from_sql(row.get(0)),
        image_id: row.get(1),
        case_no: CaseNo::from_sql(row.get(2)),
    }))
}

/// Images of other bytes with the same SOP Instance UID.
async fn conflicts(
    write: &mut SqliteConnection,
    lookup: Option<[u8; 32]>,
    image: &NewImage,
) -> Result<Vec<ImageNo>, CatalogError> {
    let Some(lookup) = lookup else {
        return Ok(Vec::new());
    };
    let rows = sqlx::query("SELECT image_no FROM images WHERE sop_lookup = ? AND content_sha256 != ? ORDER BY image_no")
        .bind(lookup.as_slice())
        .bind(image.content_sha256.as_slice())
        .fetch_all(&mut *write)
        .await
        .map_err(CatalogError::query("looking for the same SOP Instance UID"))?;
    Ok(rows
        .iter()
        .map(|row| ImageNo::from_sql(row.get(0)))
        .collect())
}

async fn last_change(write: &mut SqliteConnection, case: CaseNo) -> Result<u64, CatalogError> {
    let row = sqlx::query("SELECT seq FROM changes WHERE case_no = ?")
        .bind(case.sql())
        .fetch_optional(&mut *write)
        .await
        .map_err(CatalogError::query("reading a case's last change"))?;
    Ok(row.map_or(0, |row| row.get::<i64, _>(0).unsigned_abs()))
}
