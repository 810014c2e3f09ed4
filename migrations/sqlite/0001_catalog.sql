-- The catalog's first schema. What identifies a patient is in `sealed` alone, encrypted; every other text column
-- is free of it. AUTOINCREMENT where a number must never be reused (invariant 7). Times are ms since 1970 UTC.

CREATE TABLE cases (
    case_no      INTEGER PRIMARY KEY AUTOINCREMENT,
    case_id      TEXT    NOT NULL UNIQUE,
    patient      TEXT,                       -- keyed pseudonym
    title        TEXT,
    sex          TEXT,
    age_years    REAL,
    study_date   TEXT,                       -- yyyy-mm-dd
    site         TEXT,
    synthetic    INTEGER NOT NULL DEFAULT 0,
    next_view_no INTEGER NOT NULL DEFAULT 0, -- rises only
    admitted_ms  INTEGER NOT NULL
);
CREATE INDEX cases_patient ON cases (patient);

CREATE TABLE case_labels (
    case_no INTEGER NOT NULL REFERENCES cases (case_no) ON DELETE CASCADE,
    label   TEXT    NOT NULL,
    PRIMARY KEY (case_no, label)
) WITHOUT ROWID;

CREATE TABLE reports (
    report_no     INTEGER PRIMARY KEY AUTOINCREMENT,
    case_no       INTEGER NOT NULL REFERENCES cases (case_no) ON DELETE CASCADE,
    source_lookup BLOB    NOT NULL,          -- keyed hash of the source, or of the text
    text          TEXT    NOT NULL,          -- masked
    language      TEXT    NOT NULL,
    analysis_json TEXT    NOT NULL,
    UNIQUE (case_no, source_lookup)
);

CREATE TABLE images (
    image_no       INTEGER PRIMARY KEY AUTOINCREMENT,
    image_id       TEXT    NOT NULL UNIQUE,
    case_no        INTEGER NOT NULL REFERENCES cases (case_no) ON DELETE CASCADE,
    content_sha256 BLOB    NOT NULL,
    sop_lookup     BLOB,                     -- keyed hash of the SOP Instance UID
    bytes          INTEGER NOT NULL,
    format         TEXT    NOT NULL,
    modality       TEXT,
    body_part      TEXT,
    laterality     TEXT,
    facts_json     TEXT    NOT NULL,
    object_key     TEXT,                     -- NULL: referenced in place, path in `sealed`
    thumbnail_key  TEXT,
    admitted_ms    INTEGER NOT NULL,
    UNIQUE (case_no, content_sha256)
);
CREATE INDEX images_content ON images (content_sha256);
CREATE INDEX images_sop ON images (sop_lookup) WHERE sop_lookup IS NOT NULL;
CREATE INDEX images_object ON images (object_key) WHERE object_key IS NOT NULL;

CREATE TABLE jobs (
    job_id         INTEGER PRIMARY KEY AUTOINCREMENT,
    image_no       INTEGER NOT NULL UNIQUE REFERENCES images (image_no) ON DELETE CASCADE,
    state          TEXT    NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed')),
    attempts       INTEGER NOT NULL DEFAULT 0,
    worker         TEXT,
    lease_token    TEXT,                     -- of the last lease: stays after the end, to know a repeated report
    lease_until_ms INTEGER,
    not_before_ms  INTEGER NOT NULL DEFAULT 0,
    reason         TEXT,
    queued_ms      INTEGER NOT NULL,
    ended_ms       INTEGER
);
CREATE INDEX jobs_open ON jobs (state, job_id);
CREATE INDEX jobs_ended ON jobs (ended_ms) WHERE ended_ms IS NOT NULL;

CREATE TABLE models (
    model_no  INTEGER PRIMARY KEY AUTOINCREMENT,
    model_id  TEXT    NOT NULL UNIQUE,
    name      TEXT    NOT NULL,
    dir       TEXT    NOT NULL,
    dimension INTEGER NOT NULL,
    demo      INTEGER NOT NULL
);

CREATE TABLE stamps (
    stamp_no         INTEGER PRIMARY KEY AUTOINCREMENT,
    model_id         TEXT    NOT NULL REFERENCES models (model_id),
    profile          TEXT    NOT NULL,
    precision        TEXT    NOT NULL,
    pipeline_version INTEGER NOT NULL,
    dimension        INTEGER NOT NULL,
    active           INTEGER NOT NULL DEFAULT 0,
    UNIQUE (model_id, profile, precision, pipeline_version, dimension)
);
CREATE UNIQUE INDEX stamps_one_active ON stamps (active) WHERE active = 1;

CREATE TABLE views (
    case_no   INTEGER NOT NULL REFERENCES cases (case_no) ON DELETE CASCADE,
    view_no   INTEGER NOT NULL,
    image_no  INTEGER NOT NULL REFERENCES images (image_no) ON DELETE CASCADE,
    kind      TEXT    NOT NULL,
    frame     INTEGER,
    x_px      INTEGER,
    y_px      INTEGER,
    width_px  INTEGER,
    height_px INTEGER,
    mm_per_px REAL,
    made_by   TEXT    NOT NULL,
    PRIMARY KEY (case_no, view_no)
) WITHOUT ROWID;
CREATE INDEX views_image ON views (image_no);

-- One row per view and stamp, so that old and new vectors live side by side while a library is re-encoded.
CREATE TABLE view_vectors (
    case_no  INTEGER NOT NULL,
    view_no  INTEGER NOT NULL,
    stamp_no INTEGER NOT NULL REFERENCES stamps (stamp_no),
    segment  INTEGER NOT NULL,
    offset_b INTEGER NOT NULL,
    crc      INTEGER NOT NULL,
    PRIMARY KEY (case_no, view_no, stamp_no),
    FOREIGN KEY (case_no, view_no) REFERENCES views (case_no, view_no) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX view_vectors_stamp ON view_vectors (stamp_no);

CREATE TABLE reencode_failures (
    image_no INTEGER NOT NULL REFERENCES images (image_no) ON DELETE CASCADE,
    stamp_no INTEGER NOT NULL REFERENCES stamps (stamp_no),
    reason   TEXT    NOT NULL,
    PRIMARY KEY (image_no, stamp_no)
) WITHOUT ROWID;

-- One row per case, its latest change; kept after the case is gone, so that an index learns of it.
CREATE TABLE changes (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT,
    case_no INTEGER NOT NULL UNIQUE
);

CREATE TABLE batches (
    batch_no    INTEGER PRIMARY KEY AUTOINCREMENT,
    source_kind TEXT    NOT NULL,
    started_ms  INTEGER NOT NULL,
    finished_ms INTEGER
);

CREATE TABLE batch_files (
    file_no  INTEGER PRIMARY KEY AUTOINCREMENT,
    batch_no INTEGER NOT NULL REFERENCES batches (batch_no) ON DELETE CASCADE,
    outcome  TEXT    NOT NULL CHECK (outcome IN ('admitted', 'known', 'not_picture', 'failed')),
    image_no INTEGER REFERENCES images (image_no) ON DELETE CASCADE,
    reason   TEXT
);
CREATE INDEX batch_files_batch ON batch_files (batch_no, outcome);
CREATE INDEX batch_files_image ON batch_files (image_no) WHERE image_no IS NOT NULL;

-- The one table of identity. `lookup` is a keyed hash of kind and value, `value` nonce and ciphertext; a row
-- belongs to a case, to one of its images, or to a batch's file.
CREATE TABLE sealed (
    sealed_no INTEGER PRIMARY KEY AUTOINCREMENT,
    kind      TEXT    NOT NULL,
    lookup    BLOB    NOT NULL,
    value     BLOB    NOT NULL,
    case_no   INTEGER REFERENCES cases (case_no) ON DELETE CASCADE,
    image_no  INTEGER REFERENCES images (image_no) ON DELETE CASCADE,
    file_no   INTEGER REFERENCES batch_files (file_no) ON DELETE CASCADE
);
CREATE INDEX sealed_lookup ON sealed (lookup);
CREATE INDEX sealed_case ON sealed (case_no, kind) WHERE case_no IS NOT NULL;
CREATE INDEX sealed_image ON sealed (image_no, kind) WHERE image_no IS NOT NULL;
CREATE INDEX sealed_file ON sealed (file_no) WHERE file_no IS NOT NULL;

-- What is left to erase outside SQL after a case's rows are gone.
CREATE TABLE deletions (
    case_no      INTEGER PRIMARY KEY,
    work_json    TEXT    NOT NULL,
    requested_ms INTEGER NOT NULL
);

CREATE TABLE collections (
    collection_no INTEGER PRIMARY KEY AUTOINCREMENT,
    collection_id TEXT    NOT NULL UNIQUE,
    name          TEXT    NOT NULL,
    changed_ms    INTEGER NOT NULL
);

CREATE TABLE collection_cases (
    collection_no INTEGER NOT NULL REFERENCES collections (collection_no) ON DELETE CASCADE,
    case_no       INTEGER NOT NULL REFERENCES cases (case_no) ON DELETE CASCADE,
    note          TEXT    NOT NULL,
    position      INTEGER NOT NULL,
    PRIMARY KEY (collection_no, case_no)
) WITHOUT ROWID;
CREATE INDEX collection_cases_case ON collection_cases (case_no);

CREATE TABLE tokens (
    token_no      INTEGER PRIMARY KEY AUTOINCREMENT,
    token_id      TEXT    NOT NULL UNIQUE,
    name          TEXT    NOT NULL,
    role          TEXT    NOT NULL CHECK (role IN ('reader', 'curator', 'admin')),
    secret_sha256 BLOB    NOT NULL UNIQUE,
    created_ms    INTEGER NOT NULL,
    revoked_ms    INTEGER
);

CREATE TABLE audit (
    audit_no      INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms         INTEGER NOT NULL,
    actor         TEXT    NOT NULL,
    action        TEXT    NOT NULL,
    subjects_json TEXT    NOT NULL
);

CREATE TABLE settings (
    key        TEXT PRIMARY KEY,
    value_json TEXT NOT NULL
) WITHOUT ROWID;
