//! The lexicon: words that deny, doubt or date what a clause speaks of, and words that only look so.
//!
//! English after ConText (Harkema et al., J Biomed Inform 2009;42:839) and widened for pathology, French, German and
//! Spanish basic. All languages are tried on every text: reports quote, and queries are too short to tell.

use std::sync::LazyLock;

use regex::Regex;

use crate::Polarity;

/// Which words a trigger speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Those after it.
    After,
    /// Those before it, in the same comma part.
    Before,
    /// Both ("is not enlarged").
    Around,
}

/// A trigger found in a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Trigger {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) polarity: Polarity,
    pub(crate) reach: Reach,
}

const SEEN: &str = r"(?:(?:clearly|definitely|definitively|well|convincingly)\s+)?(?:seen|identified|noted|present|visible|visuali[sz]ed|evident|demonstrated|appreciated|detected|observed|found|apparent|shown)";

/// Pseudo-triggers: they hold a trigger's words and mean something else.
const PSEUDO: &str = concat!(
    r"\bno\s+(?:(?:significant|interval|appreciable|substantial|definite|relevant|obvious|other|further|major|gross|new)\s+)*changes?\b",
    r"|\bnot?\s+(?:significantly\s+|substantially\s+|appreciably\s+)?(?:changed|increased|decreased|only|necessarily|previously\s+seen)\b",
    r"|\bno\s+(?:interval\s+|significant\s+)*(?:increase|decrease|improvement|progression|growth)\b",
    r"|\b(?:was|were)?\s*not\s+(?:seen|present|visible|noted|there)\s+(?:previously|before|on\s+(?:the\s+)?(?:prior|previous))",
    r"|\bnothing\s+but\b|\bgram\s+negative\b|\bno\.\s*\d|\bnot\s+(?:well|fully|completely|entirely)\s+(?:seen|visuali[sz]ed|evaluated|assessed|imaged|included)\b",
    r"|\b(?:from|to|since|than|with|on|as)\s+(?:the\s+|a\s+|most\s+recent\s+)*(?:prior|previous)(?:\s+(?:\w+\s+){0,3}?(?:study|studies|exam|examination|ct|mri?|radiographs?|images?|imaging|films?|scans?|reports?|x-?rays?|comparison))?\b",
    r"|\b(?:prior|previous)\s+(?:\w+\s+){0,3}?(?:study|studies|exams?|examinations?|ct|mri?|radiographs?|images?|imaging|films?|scans?|reports?|x-?rays?)\b",
    r"|\bsans\s+changement|\bpas\s+de\s+modification|\bunverändert\b|\bsin\s+cambios\b|\bkeine\s+(?:wesentliche\s+)?(?:änderung|veränderung|befundänderung)\b",
    // An end that is not reached, and resolution in the sense of optics.
    r"|\b(?:not|n['’]t)\s+(?:yet\s+|completely\s+|fully\s+|entirely\s+|been\s+)*(?:resolved|cleared|disappeared)\b|\b(?:partial(?:ly)?|incomplete(?:ly)?|near(?:ly)?|almost)[-\s]+(?:complete(?:ly)?\s+)?(?:resolved|resolution(?:\s+of)?)\b|\b(?:high|low|spatial|temporal|contrast)[-\s]+resolution\b",
    // A property is denied, the finding is there.
    r"|\bnot\s+(?:significantly\s+)?(?:displaced|angulated|obstructing|loculated|healed)\b|\bno\s+(?:traumátic|desplazad|complicad|calcificad|obstructiv|específic|invasiv|hemorrágic|isquémic)[oa]s?\b|\bnicht[-\s]+(?:dislozier|verschob|kleinzellig|obstruktiv)\w*",
    r"|\bnot\s+an?\s+(?:option|candidate)\b|\b(?:may|might|could)\s+be\s+(?:causing|contributing)\b|\b(?:may|might|could)\s+(?:explain|account\s+for)\b",
    // Ages and earlier pictures are no earlier findings.
    r"|\b(?:years?|yrs?|months?|weeks?|days?|y)[-\s]+old\b|\bold\s+(?:man|woman|male|female|patient|age|films?|studies|study|exams?|records?|radiographs?|images?)\b",
);

/// Deny what follows.
const DENY_AFTER: &str = concat!(
    r"\bno(?:\s+(?:definite|definitive|convincing|radiographic|sonographic|imaging|histologic(?:al)?|gross|obvious|clear|other))*\s+(?:evidence|signs?|indication|suggestion|features?|findings?)\s+(?:of|for|to\s+suggest)\b",
    r"|\bnot?\s+an?\b|\bno\b|\bwithout(?:\s+(?:any|evidence\s+of|signs?\s+of))?\b|\bw/o\b|\bneither\b|\bnor\b|\bnone\s+of\b",
    r"|\babsence\s+of\b|\bfree\s+(?:of|from)\b|\bclear\s+of\b|\bnegative\s+(?:[\w/-]+\s+){0,4}?(?:(?:test|study|exam(?:ination)?|ct|mri?|scan|screen|work-?up)\s+)?for\b|\black(?:s|ing)?(?:\s+of)?\b|\bdevoid\s+of\b|\bden(?:ies|ied|ying)\b",
    r"|\bfail(?:s|ed)?\s+to\s+(?:reveal|show|demonstrate)\b|\b(?:do|does|did)\s+not\s+\w+\b|\bdoesn['’]t\b|\bdon['’]t\b",
    r"|\b(?:can|could)\s?not\s+(?:see|identify|find|detect)\b|\bruled\s+out\s+for\b|\bexcludes?\b|\brules\s+out\b|\binstead\s+of\b|\brather\s+than\b",
    r"|\bsans(?:\s+signes?\s+d[e'’])?|\bpas\s+d(?:e\b|['’])|\bpas\b|\babsence\s+d(?:e\b|['’])|\baucune?\b|\bindemne\s+d(?:e\b|['’])|\bni\b",
    r"|\bkein(?:e[nmrs]?)?(?:\s+(?:sicherer?n?\s+)?(?:nachweis|anhalt|hinweise?|zeichen)(?:\s+(?:für|auf|einer?s?))?)?\b|\bohne\b|\bfrei\s+von\b|\bausschluss\b|\bweder\b",
    r"|\bsin(?:\s+(?:evidencia|signos)\s+de)?\b|\bno\s+se\s+(?:observan?|identifican?|aprecian?|evidencian?|visualizan?|ven?)\b|\bausencia\s+de\b|\bn(?:iegan?|egaba|egó)\b|\bse\s+descartan?\b|\bse\s+(?:descartó|descartaron|ha\s+descartado|han\s+descartado)\b|\blibre\s+de\b|\bningun[oa]?\b",
);

/// Deny what stands before.
const DENY_BEFORE: &str = concat!(
    r"\b(?:(?:is|are|was|were)\s+)?absent\b|\b(?:is|are|was|were|has\s+been|have\s+been)\s+(?:ruled\s+out|excluded)\b",
    r"|:\s*(?:none|no|negative|nil)\b|\b(?:is|are|was|were)\s+negative\b(?:\s*$)?",
    r"|\b(?:wurden?|ist|sind|konnten?)\s+(?:sicher\s+)?ausgeschlossen\b|\b(?:est|sont)\s+(?:éliminée?s?|écartée?s?|exclue?s?)\b|:\s*non\b|\bnicht\s+(?:nachweisbar|abgrenzbar|erkennbar|sichtbar|vorhanden|vorliegend)\b|\b(?:kann|können|konnten?)\s+(?:sicher\s+)?ausgeschlossen\s+werden\b|\b(?:a|ont)\s+été\s+(?:éliminée?s?|écartée?s?|exclue?s?)\b|\b(?:fue|fueron|ha\s+sido|han\s+sido|queda)\s+(?:descartad|excluid)[oa]s?\b|\b(?:está|están)\s+ausentes?\b|\b(?:est|sont)\s+absente?s?\b|\b(?:non|pas)\s+(?:visible|visualisée?|retrouvée?)s?\b|\bno\s+(?:visible|identificad[oa]s?)\b",
);

/// Deny what stands around.
const DENY_AROUND: &str = r"\b(?:is|are|was|were|has|have|appears?)(?:\s+not|n['’]t)(?:\s+(?:been|to\s+be))?\b|\bnot\b|\bnicht\b|\bn['’]est\s+pas\b|\bno\s+está\b";

/// Doubt what follows.
const DOUBT_AFTER: &str = concat!(
    r"\b(?:may|might|could)\s+(?:also\s+)?(?:represent|reflect|be|have|indicate|suggest|relate|correspond|also)\b|\b(?:suspicious|worrisome|concerning|questionable|suspected)(?:\s+(?:for|of))?\b|\bsuspicion\s+(?:of|for)\b",
    r"|\b(?:possibl[ey]|probabl[ey]|presumabl[ey]|likely|perhaps|potentially|questionable|equivocal|presumed)\b|\bsuggest(?:s|ing|ive)?(?:\s+of)?\b|\brais(?:es?|ing)\s+(?:the\s+)?(?:possibility|question|concern|suspicion)(?:\s+(?:of|for))?\b",
    r"|\b(?:evaluate|evaluation|assess|check|concern|question|worry|screen(?:ing)?|looking)\s+(?:for|of)\b|\bquery\b|\brule\s+out\b|\br/o\b|\bdifferential\s+(?:diagnosis\s+)?(?:includes?|considerations?)\b|\bcannot\s+(?:exclude|rule\s+out)\b|\bcan(?:not|['’]t)\s+entirely\s+exclude\b|\bfavou?r(?:s|ed|ing)?\b",
    r"|\bévocat(?:eur|rice)s?\s+d(?:e\b|['’])|\bprobable(?:ment)?\b|\bsuspecte?\b|\bsuspicion\s+d(?:e\b|['’])|\bpossible(?:ment)?\b|\bévoqu(?:e|ent|ant)\b|\b(?:peut|peuvent|pourrait|pourraient|pouvant)\s+(?:correspondre|évoquer|être)\b|\bvraisemblable(?:ment)?\b|\bn['’]exclut\s+pas\b|(?:^|\s)(?-i:\?\p{Ll})",
    r"|\b(?:hochgradiger\s+)?verdacht\s+auf\b|\bv\.\s?a\.|\bverdächtig\b|\bmöglich(?:e[rnms]?|erweise)?\b|\bwahrscheinlich(?:e[rnms]?)?\b|\bfraglich(?:e[rnms]?)?\b|\bdd\b|\ba\.\s?e\.|\bam\s+ehesten\b|\bzum\s+ausschlu(?:ss|ß)\b|\bsuspekt\s+auf\b|\bvermutlich(?:e[rnms]?)?\b|\bim\s+sinne\s+eine[rs]?\b",
    r"|\bno\s+se\s+puede\s+(?:excluir|descartar)\b|\b(?:a|para|sin\s+poder)\s+descartar\b|\bno\s+(?:se\s+descartan?|puede(?:n)?\s+descartarse)\b|\bpodrían?\s+\w+\b|\bpueden?\s+(?:corresponder|tratarse|ser)\b|\bsugieren?\b|\bsugerentes?\s+de\b|\bsugestiv[oa]s?\s+de\b|\bsospech(?:a|os[oa]s?)(?:\s+(?:diagnóstica|clínica))?(?:\s+de)?\b|\bposible(?:mente)?\b|\bprobable(?:mente)?\b",
);

/// Doubt what stands before.
const DOUBT_BEFORE: &str = concat!(
    r"\b(?:can\s?not|could\s+not|can['’]t)\s+(?:be\s+)?(?:entirely\s+|completely\s+|definitively\s+)?(?:be\s+)?(?:excluded|ruled\s+out)\b|\b(?:is|are|was|were)?\s*not\s+(?:entirely\s+|completely\s+)?(?:excluded|ruled\s+out)\b|\b(?:is|are|would\s+be)\s+difficult\s+to\s+exclude\b",
    r"|\b(?:is|are|remains?)\s+(?:also\s+|considered\s+)?(?:possible|suspected|questionable|likely|probable|equivocal|uncertain)\b|\b(?:less\s+likely|unlikely|not\s+likely)\b|\b(?:versus|vs\.?)\s|\b(?:ist|sind|scheint|erscheint)\s+unwahrscheinlich\b|\bnicht\s+sicher\s+zu\s+(?:differenzieren|beurteilen)\b|\bnicht\s+(?:sicher\s+)?(?:auszuschließen|ausgeschlossen)\b|\b(?:kann|können|konnten?)\s+nicht\s+(?:sicher\s+)?ausgeschlossen\b|\bne\s+(?:peut|peuvent)\s+(?:pas\s+)?être\s+(?:formellement\s+)?(?:exclue?s?|écartée?s?|éliminée?s?)\b|\bno\s+(?:se\s+descartan?|puede(?:n)?\s+descartarse)\s*$|\bno\s+se\s+puede\s+descartar\b",
);

/// Date what follows into the past.
const DATE_AFTER: &str = concat!(
    r"\b(?:past\s+|prior\s+|known\s+|remote\s+|personal\s+|family\s+|previous\s+)*history\s+of\b|\bh/o\b|\bhx\s+of\b|\b(?:surgical|medical)\s+history\s+significant\s+for\b|\bstatus\s+post\b|\bs/p\b|\bst\.?\s?p\.|\bhealed\b|\b(?:previous|prior|old)\b",
    r"|\bantécédents?(?:\s+d(?:e\b|['’]))?|\bancien(?:ne)?\b|\bstatus\s+après\b|\bzustand\s+nach\b|\bz\.\s?n\.|\bzustand\s+n\.|\bältere[nrs]?\b|\bantigu[oa]s?\b|\b(?:operad|intervenid)[oa]s?\s+de\b|\bbekannte\s+vorgeschichte\b|\bantecedentes?(?:\s+(?:personales|patológicos|quirúrgicos|familiares))*(?:\s+de)?\b",
);

/// Date into the past what follows, and say that it has ended.
const ENDED_AFTER: &str = concat!(
    r"\b(?:(?:interval|complete|full)\s+)*resolution\s+of\b|\b(?:(?:previously|now|since|completely|fully|interval)\s+)*resolved\b|\b(?:(?:is|are)\s+)?no\s+longer\s+(?:an?|any)\b",
    r"|\b(?:régression\s+complète|disparition|résolution(?:\s+complète)?)\s+d(?:e\s+la\b|e\s+l['’]|es\b|u\b|e\b|['’])|\b(?:vollständige|komplette)[rnms]?\s+(?:rückbildung|regredienz|resorption|auflösung)\b",
    r"|\b(?:resolución|desaparición)(?:\s+completa)?\s+del?\b|\bya\s+no\s+(?:se\s+)?(?:observan?|identifican?|aprecian?|visualizan?|ven?|hay|existe)\b",
);

/// Date into the past what stands before, and say that it has ended.
const ENDED_BEFORE: &str = concat!(
    r"\b(?:has|have|had|is|are)\s+(?:now\s+|since\s+|completely\s+|fully\s+|entirely\s+)*(?:resolved|disappeared|cleared)\b|\b(?:(?:is|are|was|were)\s+)?no\s+longer\s+(?:seen|visible|present|identified|evident|appreciated|detected|demonstrated)\b",
    r"|\b(?:a|ont)\s+(?:complètement\s+)?(?:disparu|régressé\s+complètement)\b|\bn['’](?:est|sont)\s+plus\s+\w+|\bne\s+sont\s+plus\s+\w+|\bnicht\s+mehr\s+(?:nachweisbar|nachzuweisen|abgrenzbar|abzugrenzen|erkennbar|sichtbar|vorhanden)\b|\b(?:vollständig|komplett)\s+(?:rückgebildet|regredient|resorbiert)\b",
    r"|\b(?:ha|han)\s+desaparecido\b|\bse\s+(?:ha|han)\s+resuelto\b|\bya\s+no\s+(?:es|son|está|están)\s+(?:visibles?|presentes?|identificables?)\b",
);

static LEXICON: LazyLock<Vec<(Regex, Polarity, Reach)>> = LazyLock::new(|| {
    let seen = format!(
        r"\b(?:is|are|was|were)?\s*not\s+(?:been\s+)?{SEEN}\b|\bnot\s+identified\b|\bcannot\s+be\s+(?:seen|identified)\b"
    );
    [
        (DENY_AFTER, Polarity::Negated, Reach::After),
        (DENY_BEFORE, Polarity::Negated, Reach::Before),
        (seen.as_str(), Polarity::Negated, Reach::Before),
        (DENY_AROUND, Polarity::Negated, Reach::Around),
        (DOUBT_AFTER, Polarity::Uncertain, Reach::After),
        (DOUBT_BEFORE, Polarity::Uncertain, Reach::Before),
        (DATE_AFTER, Polarity::Historical, Reach::After),
        (ENDED_AFTER, Polarity::Historical, Reach::After),
        (ENDED_BEFORE, Polarity::Historical, Reach::Before),
    ]
    .map(|(pattern, polarity, reach)| (compile(pattern), polarity, reach))
    .into()
});
static ENDED: LazyLock<Regex> =
    LazyLock::new(|| compile(&format!("^(?:{ENDED_AFTER}|{ENDED_BEFORE})$")));
static PSEUDO_RE: LazyLock<Regex> = LazyLock::new(|| compile(PSEUDO));

/// Compiles a pattern of this crate's own, whatever the case of the text.
pub(crate) fn compile(pattern: &str) -> Regex {
    Regex::new(&format!("(?i){pattern}")).expect("the crate's own patterns are valid")
}

/// Whether the clause says that what was there has gone.
pub(crate) fn says_ended(clause: &str) -> bool {
    find_triggers(clause)
        .iter()
        .any(|t| t.polarity == Polarity::Historical && ENDED.is_match(&clause[t.start..t.end]))
}

/// All triggers of a sentence in order, none overlapping: of two that overlap the longer one counts.
pub(crate) fn find_triggers(sentence: &str) -> Vec<Trigger> {
    let pseudo: Vec<_> = PSEUDO_RE.find_iter(sentence).map(|m| m.range()).collect();
    let mut found: Vec<Trigger> = LEXICON
        .iter()
        .flat_map(|(regex, polarity, reach)| {
            regex.find_iter(sentence).map(|m| Trigger {
                start: m.start(),
                end: m.end(),
                polarity: *polarity,
                reach: *reach,
            })
        })
        .filter(|t| {
            !pseudo
                .iter()
                .any(|p| t.start < p.end && p.start < t.end && !covers(t, p))
        })
        .collect();
    found.sort_by_key(|t| (std::cmp::Reverse(t.end - t.start), t.start));
    let mut kept: Vec<Trigger> = Vec::new();
    for trigger in found {
        if !kept
            .iter()
            .any(|k| trigger.start < k.end && k.start < trigger.end)
        {
            kept.push(trigger);
        }
    }
    kept.sort_by_key(|t| t.start);
    kept
}

/// A trigger that reaches beyond the pseudo-trigger on both sides stands: "cannot be excluded" over "not".
fn covers(trigger: &Trigger, pseudo: &std::ops::Range<usize>) -> bool {
    trigger.start <= pseudo.start
        && pseudo.end <= trigger.end
        && trigger.end - trigger.start > pseudo.len()
}
