//! What chest radiographs can show.

use super::{Finding, GRADE, SIZE};
use crate::plan::Family;

/// Findings of chest radiographs.
pub(super) static CHEST: &[Finding] = &[
    Finding {
        family: Family::Chest,
        key: "normal",
        name: "normal chest radiograph",
        labels: &["normal"],
        has_side: false,
        seen: &[
            "The lungs are clear and fully expanded. The heart is of normal size.",
            "Clear lungs on both sides with normal vascular markings. Heart and mediastinum have a normal outline.",
        ],
        impressions: &[
            "Normal chest radiograph.",
            "No acute abnormality in the chest.",
        ],
        histories: &[
            "Routine check before surgery.",
            "Cough for one week, no fever.",
            "Screening before employment.",
        ],
        absent: "",
        sizes: SIZE,
        ages: (18, 80),
    },
    Finding {
        family: Family::Chest,
        key: "pneumothorax",
        name: "pneumothorax",
        labels: &["pneumothorax"],
        has_side: true,
        seen: &[
            "There is a {size} {side} pneumothorax with a visible pleural line; no lung markings lie beyond it.",
            "The {side} lung is partly collapsed towards its hilum, with air in the {side} pleural space.",
        ],
        impressions: &[
            "{Size} {side} pneumothorax.",
            "Collapsed {side} lung with pleural air, {size} in extent.",
        ],
        histories: &[
            "Sudden chest pain and breathlessness.",
            "Fall from a ladder, pain on breathing in.",
            "Check after placement of a central line.",
        ],
        absent: "No pneumothorax.",
        sizes: SIZE,
        ages: (18, 75),
    },
    Finding {
        family: Family::Chest,
        key: "pleural_effusion",
        name: "pleural effusion",
        labels: &["pleural effusion"],
        has_side: true,
        seen: &[
            "There is a {size} {side} pleural effusion with a meniscus climbing along the chest wall.",
            "Fluid blunts the {side} costophrenic angle and hides the hemidiaphragm.",
        ],
        impressions: &[
            "{Size} {side} pleural effusion.",
            "{Side} pleural fluid, {size} amount.",
        ],
        histories: &[
            "Increasing breathlessness over two weeks.",
            "Known heart failure, swollen ankles.",
            "Reduced breath sounds at one base.",
        ],
        absent: "No pleural effusion.",
        sizes: SIZE,
        ages: (35, 92),
    },
    Finding {
        family: Family::Chest,
        key: "pneumonia",
        name: "pneumonia",
        labels: &["pneumonia", "consolidation"],
        has_side: true,
        seen: &[
            "Patchy consolidation with air bronchograms in the {side} lung.",
            "Ill-defined airspace shadowing occupies part of the {side} lung.",
        ],
        impressions: &[
            "{Size} {side} lung consolidation in keeping with pneumonia.",
            "{Side} pneumonia.",
        ],
        histories: &[
            "Fever and productive cough.",
            "Raised inflammatory markers, crackles on listening.",
            "Fever and confusion, source unknown.",
        ],
        absent: "No consolidation.",
        sizes: SIZE,
        ages: (20, 90),
    },
    Finding {
        family: Family::Chest,
        key: "lung_mass",
        name: "lung mass",
        labels: &["lung mass", "suspected lung cancer"],
        has_side: true,
        seen: &[
            "A well-defined solitary mass lies in the {side} lung.",
            "Single rounded opacity with a sharp border in the {side} lung, about {cm} cm across.",
        ],
        impressions: &[
            "{Size} solitary {side} lung mass, suspicious for a primary tumour.",
            "{Side} lung mass; CT is advised.",
        ],
        histories: &[
            "Weight loss, long-term smoker.",
            "Coughing up blood.",
            "Persistent cough for three months.",
        ],
        absent: "No lung mass.",
        sizes: SIZE,
        ages: (45, 88),
    },
    Finding {
        family: Family::Chest,
        key: "lung_metastases",
        name: "lung metastases",
        labels: &["lung metastases", "multiple nodules"],
        has_side: false,
        seen: &[
            "Multiple rounded nodules of varying size are scattered through both lungs.",
            "Numerous well-defined nodules in both lungs, so-called cannonball lesions.",
        ],
        impressions: &[
            "Multiple bilateral lung nodules, most likely metastases.",
            "Pulmonary metastases in both lungs.",
        ],
        histories: &[
            "Known kidney cancer, staging.",
            "Previous sarcoma, new breathlessness.",
            "Follow-up of bowel cancer.",
        ],
        absent: "No pulmonary nodules.",
        sizes: GRADE,
        ages: (40, 85),
    },
    Finding {
        family: Family::Chest,
        key: "cardiomegaly",
        name: "cardiomegaly",
        labels: &["cardiomegaly", "enlarged heart"],
        has_side: false,
        seen: &[
            "The heart is enlarged; its shadow takes up well over half the width of the chest.",
            "{Size} enlargement of the cardiac silhouette.",
        ],
        impressions: &["{Size} cardiomegaly.", "Enlarged heart."],
        histories: &[
            "Breathless on lying flat.",
            "Long-standing high blood pressure.",
            "New heart murmur.",
        ],
        absent: "The heart is not enlarged.",
        sizes: GRADE,
        ages: (45, 92),
    },
    Finding {
        family: Family::Chest,
        key: "pacemaker",
        name: "pacemaker",
        labels: &["pacemaker", "cardiac device"],
        has_side: true,
        seen: &[
            "A {side}-sided pacemaker generator lies below the clavicle with its lead in the right ventricle.",
            "Cardiac pacing device over the {side} upper chest; the lead follows the expected course.",
        ],
        impressions: &[
            "{Side} chest pacemaker in place, lead intact.",
            "Pacemaker in correct position.",
        ],
        histories: &[
            "Check after pacemaker implantation.",
            "Slow pulse, device fitted last year.",
            "Dizzy spells, device in place.",
        ],
        absent: "No cardiac device.",
        sizes: SIZE,
        ages: (55, 92),
    },
];
