// Sign-in with a token. The token goes to the service once and stays in a cookie that scripts cannot read.

import { type FormEvent, useState } from "react";
import { type ApiError, api } from "../api/client";
import { Dialog } from "../ui/dialog";
import { Failure } from "../ui/parts";
import { asApiError } from "./load";
import { useService } from "./service";

export function SignIn() {
  const { setSession } = useService();
  const [token, setToken] = useState("");
  const [error, setError] = useState<ApiError | null>(null);
  const signIn = async (event: FormEvent) => {
    event.preventDefault();
    setError(null);
    try {
      setSession(await api.signIn(token.trim()));
    } catch (cause) {
      setError(asApiError(cause));
    }
  };
  return (
    <Dialog title="Sign in" onClose={() => {}} dismissable={false}>
      <form className="form" onSubmit={(event) => void signIn(event)}>
        <p className="muted">
          This library asks for a token. Whoever runs it makes one with <code>casekin token create</code>.
        </p>
        {error && <Failure error={error} />}
        <label className="field">
          <span>Token</span>
          <input
            type="password"
            value={token}
            autoComplete="current-password"
            required
            onChange={(event) => setToken(event.target.value)}
          />
        </label>
        <div className="form-foot">
          <button type="submit" className="button button-primary" disabled={!token.trim()}>
            Sign in
          </button>
        </div>
      </form>
    </Dialog>
  );
}
