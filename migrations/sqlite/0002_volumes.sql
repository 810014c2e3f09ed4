-- A volume that is written as one file for each slice: which images are its slices, in which order, and what the
-- plan of the volume says of each. A slice's job waits until its volume has been read and planned.

ALTER TABLE images ADD COLUMN stack_lookup BLOB;    -- keyed hash of what the slices of one volume have in common
ALTER TABLE images ADD COLUMN slice_mm     REAL;    -- along the normal of the slices
ALTER TABLE images ADD COLUMN slice_number INTEGER; -- Instance Number
ALTER TABLE images ADD COLUMN in_volume    INTEGER; -- NULL: not planned; 1: becomes a view; 0: like its neighbours
ALTER TABLE images ADD COLUMN range_low    REAL;    -- values of the whole volume, where its slices are read by them
ALTER TABLE images ADD COLUMN range_high   REAL;
CREATE INDEX images_stack ON images (case_no, stack_lookup) WHERE stack_lookup IS NOT NULL;

ALTER TABLE jobs ADD COLUMN held_by INTEGER;        -- batch of a slice that is not planned yet, 0 without one
CREATE INDEX jobs_ready ON jobs (state, job_id) WHERE held_by IS NULL;
CREATE INDEX jobs_held ON jobs (held_by, job_id) WHERE held_by IS NOT NULL;
