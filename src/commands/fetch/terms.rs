//! What the model's terms ask, said before anything is sent, and the user's consent to them.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use anyhow::bail;

/// A short account in our own words; the terms themselves decide.
pub const SUMMARY: &str = "\
MedSigLIP is Google's. It comes under the Health AI Developer Foundations terms of use, not under casekin's licence:
  https://developers.google.com/health-ai-developer-foundations/terms
In short, and in place of nothing that stands there:
  * You may not use it for anything unlawful, for anything that Google's prohibited use policy names, or in a way that
    could make Google the manufacturer of a medical device.
  * Whoever uses it to diagnose or treat patients, in a study too, has to get the authorisation that the law asks for.
  * Whoever passes it on, changed or not, or lets others use it through a service, has to bind them to the same limits
    and give them a copy of the terms; changed files must say so, and copies need the terms' notice file.
  * Google can end the permission, and all copies must then be deleted. You answer for claims that your use causes.
  * Vectors made with it count as its outputs; Google does not claim them.
casekin is for research and teaching; it is not a medical device.";

/// Consent by the option, or by a typed "yes" where somebody sits at a terminal.
pub fn require_consent(by_option: bool) -> anyhow::Result<()> {
    if by_option {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        bail!("nothing was sent: read the terms, then say --accept-terms if you accept them");
    }
    eprint!("Have you read the terms, and do you accept them? Type yes: ");
    std::io::stderr().flush()?;
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    if line.trim() == "yes" {
        Ok(())
    } else {
        bail!("nothing was sent, since the terms were not accepted")
    }
}
