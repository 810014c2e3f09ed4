// Adding files to the library: choose, say what is known of the case, watch it go in.

import { type FormEvent, useEffect, useState } from "react";
import { type ApiError, api, uploadFiles } from "../api/client";
import type { Batch } from "../api/types";
import { counted, duration } from "../app/format";
import { asApiError } from "../app/load";
import { useService } from "../app/service";
import { Dialog } from "../ui/dialog";
import { Icon } from "../ui/icons";
import { Failure, Progress } from "../ui/parts";

const POLL_MS = 1000;

type Step = { at: "choose" } | { at: "upload"; share: number } | { at: "batch"; id: string };

export function IngestDialog({ onClose }: { onClose: () => void }) {
  const [step, setStep] = useState<Step>({ at: "choose" });
  const [error, setError] = useState<ApiError | null>(null);
  const { refresh } = useService();

  const send = async (form: FormData) => {
    setError(null);
    setStep({ at: "upload", share: 0 });
    try {
      const { batch_id } = await uploadFiles(form, (share) => setStep({ at: "upload", share }));
      setStep({ at: "batch", id: batch_id });
      refresh();
    } catch (cause) {
      setError(asApiError(cause));
      setStep({ at: "choose" });
    }
  };
  return (
    <Dialog title="Add files" onClose={onClose} dismissable={step.at !== "upload"}>
      {error && <Failure error={error} />}
      {/* Kept, not unmounted: what was chosen survives a refusal. */}
      <div hidden={step.at !== "choose"}>
        <Choose onSend={(form) => void send(form)} />
      </div>
      {step.at === "upload" && (
        <div className="ingest-progress">
          <Progress share={step.share} label="Upload" />
          <p>{step.share < 1 ? `Uploading, ${Math.round(step.share * 100)}%` : "Writing to the library…"}</p>
        </div>
      )}
      {step.at === "batch" && <BatchProgress id={step.id} onClose={onClose} />}
    </Dialog>
  );
}

function Choose({ onSend }: { onSend: (form: FormData) => void }) {
  const [files, setFiles] = useState<File[]>([]);
  const [over, setOver] = useState(false);
  const take = (given: FileList | null) => setFiles((before) => [...before, ...(given ?? [])]);
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData();
    const said = new FormData(event.currentTarget);
    for (const key of ["report", "case_id", "title", "labels"]) {
      const value = String(said.get(key) ?? "").trim();
      if (value) form.append(key, value);
    }
    for (const file of files) form.append("file", file, file.name);
    onSend(form);
  };
  return (
    <form className="form" onSubmit={submit}>
      <label
        className={over ? "drop drop-over" : "drop"}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={(event) => {
          event.preventDefault();
          setOver(false);
          take(event.dataTransfer.files);
        }}
      >
        <Icon name="upload" size={20} />
        <span>{files.length > 0 ? counted(files.length, "file") : "Drop files here, or choose them"}</span>
        <small>DICOM, PNG, JPEG, TIFF, BMP, WebP; a .txt among them is the report</small>
        <input
          type="file"
          multiple
          className="sr-only"
          aria-label="Files"
          onChange={(event) => take(event.target.files)}
        />
      </label>
      {files.length > 0 && (
        <p className="file-list">
          {files
            .slice(0, 4)
            .map(({ name }) => name)
            .join(", ")}
          {files.length > 4 && ` and ${files.length - 4} more`}{" "}
          <button type="button" className="link" onClick={() => setFiles([])}>
            Clear
          </button>
        </p>
      )}
      <details className="more-fields">
        <summary>
          About the case (optional) <Icon name="down" size={12} />
        </summary>
        <label className="field">
          <span>Title</span>
          <input type="text" name="title" maxLength={300} />
        </label>
        <label className="field">
          <span>Report</span>
          <textarea name="report" rows={4} placeholder="Known identifiers are masked before it is stored" />
        </label>
        <div className="field-row">
          <label className="field">
            <span>Labels</span>
            <input type="text" name="labels" placeholder="effusion | cardiomegaly" />
          </label>
          <label className="field">
            <span>Case id</span>
            <input type="text" name="case_id" placeholder="from the file" maxLength={200} />
          </label>
        </div>
      </details>
      <div className="form-foot">
        <button type="submit" className="button button-primary" disabled={files.length === 0}>
          Add to the library
        </button>
      </div>
    </form>
  );
}

function BatchProgress({ id, onClose }: { id: string; onClose: () => void }) {
  const [batch, setBatch] = useState<Batch | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const { refresh } = useService();
  const finished = batch?.state === "finished";

  useEffect(() => {
    if (finished) {
      refresh();
      return;
    }
    const abort = new AbortController();
    const ask = () =>
      api
        .batch(id, abort.signal)
        .then(setBatch, (cause: unknown) => !abort.signal.aborted && setError(asApiError(cause)));
    void ask();
    const timer = setInterval(() => void ask(), POLL_MS);
    return () => {
      abort.abort();
      clearInterval(timer);
    };
  }, [id, finished, refresh]);

  if (error) return <Failure error={error} />;
  if (!batch) return <p role="status">Reading…</p>;
  const settled = batch.done + batch.known + batch.not_a_picture + batch.failed;
  const lines: [string, number][] = [
    ["encoded", batch.done],
    ["waiting", batch.queued],
    ["already known", batch.known],
    ["not a picture", batch.not_a_picture],
    ["failed", batch.failed],
  ];
  return (
    <div className="ingest-progress">
      <Progress
        share={finished ? 1 : settled / Math.max(1, settled + batch.queued, batch.found)}
        label="Ingest"
      />
      <p role="status">
        {finished ? "Done." : batch.state === "reading" ? "Reading…" : "Encoding…"}
        {!finished && batch.seconds_left != null && ` About ${duration(batch.seconds_left)} left.`}
      </p>
      <dl className="counts">
        {lines
          .filter(([, value]) => value > 0)
          .map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
      </dl>
      {batch.failures.length > 0 && (
        <ul className="failures">
          {batch.failures.map(({ item, reason }) => (
            <li key={item + reason}>
              <code>{item}</code> {reason}
            </li>
          ))}
        </ul>
      )}
      {batch.warnings.length > 0 && (
        <details className="warnings">
          <summary>
            {counted(batch.warnings.length, "cell")} of the manifest read otherwise than written{" "}
            <Icon name="down" size={12} />
          </summary>
          <ul className="failures">
            {batch.warnings.map((warning) => (
              <li key={warning}>{warning}</li>
            ))}
          </ul>
        </details>
      )}
      {!finished && <p className="muted">You may close this; the work goes on.</p>}
      <div className="form-foot">
        <button type="button" className="button button-primary" onClick={onClose}>
          {finished ? "Close" : "Continue in the background"}
        </button>
      </div>
    </div>
  );
}
