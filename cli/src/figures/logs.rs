//! The lines of the table that are about whether an event of a log comes.

use std::path::Path;

use anyhow::Context as _;
use keepset_wire::{Name, Timestamp, document};
use serde_json::{Map, Value};

use super::Figure;
use crate::commands::read_mapping;
use crate::tabular::select::Learner;
use crate::train::{Basis, Training};

/// How regularly somebody orders, and how that compares with how long ago the last order was.
const REGULARITY: &str = include_str!("regularity.json");

pub(super) struct OfLog {
    pub(super) set: &'static str,
    pub(super) task: &'static str,
    file: &'static str,
    pack: &'static str,
    label: &'static str,
    comes: bool,
    within_days: u16,
    cuts: &'static [&'static str],
    test_cut: &'static str,
    features: &'static [&'static str],
    /// Features that the pack has not, as it would hold them; all are read.
    more: Option<&'static str>,
    baseline: &'static str,
}

pub(super) const LOGS: [OfLog; 3] = [
    OfLog {
        set: "Online Retail II",
        task: "buys within 90 days",
        file: "wholesale.csv.gz",
        pack: "wholesale",
        label: "purchase",
        comes: true,
        within_days: 90,
        cuts: &["2010-03-01", "2010-04-15", "2010-06-01"],
        test_cut: "2010-09-10",
        features: &[
            "purchases",
            "purchases_28d",
            "purchases_84d",
            "purchases_168d",
            "order_days_168d",
            "frequency",
            "orders_84d",
            "spend_84d",
            "spend_168d",
            "mean_lines",
            "gross_84d",
            "spend",
            "gross",
            "mean_order",
            "days_since_order",
            "known_for",
            "rhythm",
            "overdue_by",
            "rfm",
            "refund_share",
        ],
        more: None,
        baseline: "0.82",
    },
    OfLog {
        set: "Complete Journey",
        task: "no purchase within 14 days",
        file: "journey.csv.gz",
        pack: "retail",
        label: "purchase",
        comes: false,
        within_days: 14,
        cuts: &["2017-05-01", "2017-06-15", "2017-08-01", "2017-09-15"],
        test_cut: "2017-11-01",
        features: &[
            "orders_28d",
            "orders_84d",
            "shopping_days_28d",
            "spend_28d",
            "spend_84d",
            "days_since_order",
            "habit",
            "stock_ups_28d",
            "quick_trips_28d",
            "fresh_orders_28d",
        ],
        more: Some(REGULARITY),
        baseline: "0.853",
    },
    OfLog {
        set: "Complete Journey",
        task: "redeems a coupon within 28 days",
        file: "journey.csv.gz",
        pack: "retail",
        label: "coupon_redeem",
        comes: true,
        within_days: 28,
        cuts: &["2017-05-01", "2017-06-15", "2017-08-01", "2017-09-15"],
        test_cut: "2017-11-01",
        features: &[
            "coupons_84d",
            "coupon_orders_84d",
            "days_since_mailing",
            "stock_ups_28d",
            "orders_84d",
            "spend_84d",
        ],
        more: None,
        baseline: "0.880",
    },
];

impl OfLog {
    pub(super) fn measure(&self, logs: &Path, packs: &Path) -> anyhow::Result<Figure> {
        let folder = packs.join(self.pack);
        let date = |text: &&str| Timestamp::from_date(text).context("a date");
        let text = std::fs::read_to_string(folder.join("pack.json")).context("cannot read the pack")?;
        let mut pack = document::parse(&text)?;
        let more: Map<String, Value> =
            self.more.map(serde_json::from_str).transpose().context("features")?.unwrap_or_default();
        let features =
            self.features.iter().map(|name| (*name).to_owned()).chain(more.keys().cloned()).collect();
        let own = pack["features"].as_object_mut().context("the pack has features")?;
        own.extend(more);
        let training = Training {
            basis: Basis {
                pack,
                events: vec![logs.join(self.file)],
                mapping: Some(read_mapping(&folder.join("mapping.json"))?),
                strict: false,
                cuts: self.cuts.iter().map(date).collect::<anyhow::Result<_>>()?,
                test_cut: date(&self.test_cut)?,
                features,
                model_id: Name::parse("figure").context("a name")?,
                missing: 365.0,
                seed: 0,
            },
            label: self.label.to_owned(),
            comes: self.comes,
            within_days: self.within_days,
            learner: Learner::Auto,
            l2: 1.0,
            precision: None,
        };
        let trained = training.run(&mut crate::replay::Unwatched)?;
        let area = trained.tested.auc;
        Ok(Figure {
            set: self.set,
            task: self.task,
            ours: format!("**{:.3}** ({:.3} to {:.3})", area.value, area.low, area.high),
            baseline: self.baseline,
            how: if self.more.is_some() {
                "AUC at a later cut, by the features of the pack and some of how regularly somebody orders"
            } else {
                "AUC at a later cut, by the features of the pack"
            },
            chosen: trained.way,
        })
    }
}
