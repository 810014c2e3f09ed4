//! Complaints, which are there when a study is asked for because of them.

use std::sync::LazyLock;

use regex::Regex;

use super::any_of;
use crate::triggers::compile;

const COMPLAINTS: &[&str] = &[
    r"fevers?|febrile|coughs?|coughing|dyspn(?:o?ea|oeic)|sob|shortness of breath|pain|pains|painful|aches?|headaches?|cephalgia|nausea|vomiting|weakness|dizziness|vertigo|syncope|presyncope|h[ae]?emoptysis|h[ae]?ematuria|swelling|trauma|falls?|fell|injury|weight loss|fatigue|malaise|chills|night sweats|wheez(?:e|es|ing)|palpitations?|hypoxia|tachycardia|confusion|altered mental status|seizures?|numbness|tenderness|dysphagia|dysuria|diarrh(?:o?ea)|constipation|jaundice|limping|mva|mvc|leukocytosis|elevated (?:\w+ )?(?:d-dimer|wbc|crp|lfts?|psa|creatinine)",
    r"fièvre|fébrile|toux|dyspnée|douleurs?|douloureu(?:x|se)|céphalées?|nausées?|vomissements?|faiblesse|vertiges?|malaise|hémoptysie|hématurie|traumatisme|chute|amaigrissement|asthénie|frissons|sueurs|palpitations|gonflement|altération de l['’]état général|aeg",
    r"fieber|husten|dyspnoe|luftnot|atemnot|schmerz(?:en)?|\w+schmerz(?:en)?|übelkeit|erbrechen|schwäche|schwindel|synkope|hämoptysen?|hämaturie|sturz|trauma|gewichtsverlust|müdigkeit|schüttelfrost|nachtschweiß|schwellung|crp-(?:anstieg|erhöhung)|bewusstseinsstörung|verwirrtheit|krampfanfall|az-verschlechterung",
    r"fiebre|febril|tos|disnea|dolor(?:es)?|cefaleas?|náuseas?|vómitos?|debilidad|mareos?|síncope|hemoptisis|hematuria|traumatismo|caída|pérdida de peso|cansancio|astenia|escalofríos|sudoración|palpitaciones|hinchazón|lumbalgia|odinofagia|disfagia",
];

static COMPLAINT: LazyLock<Regex> = LazyLock::new(|| compile(&any_of(COMPLAINTS)));

/// Whether `part` names a complaint.
pub(crate) fn names_complaint(part: &str) -> bool {
    COMPLAINT.is_match(part)
}
