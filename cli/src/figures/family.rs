//! The lines of the table that are about families: which department is visited, which item is ordered next.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use keepset_wire::{Name, Timestamp, document};

use super::Figure;
use crate::commands::read_mapping;
use crate::family::{Aim, Beside, FamilyTrained, FamilyTraining};
use crate::train::Basis;
use crate::train::quality::Interval;

pub(super) struct OfFamily {
    pub(super) set: &'static str,
    pub(super) task: &'static str,
    log: &'static str,
    /// Beside the log, or with the packs.
    pack: &'static str,
    label: &'static str,
    each: &'static [&'static str],
    within_days: u16,
    half_lives: &'static [u16],
    cuts: &'static [&'static str],
    test_cut: &'static str,
    baseline: &'static str,
    basket: bool,
}

pub(super) const FAMILIES: [OfFamily; 2] = [
    OfFamily {
        set: "Complete Journey",
        task: "in which of 20 departments somebody buys within 28 days",
        log: "departments",
        pack: "departments/pack.json",
        label: "bought",
        each: &["department"],
        within_days: 28,
        half_lives: &[28, 168],
        cuts: &["2017-05-01", "2017-06-15", "2017-08-01", "2017-09-15"],
        test_cut: "2017-11-01",
        baseline: "0.822",
        basket: false,
    },
    OfFamily {
        set: "Online Retail II",
        task: "one of ten items of 1,024 is in the next basket",
        log: "items",
        pack: "items.pack.json",
        label: "ordered",
        each: &["item", "item_2", "item_3", "item_4"],
        within_days: 90,
        half_lives: &[168, 730],
        cuts: &["2010-03-01", "2010-04-15", "2010-06-01"],
        test_cut: "2010-09-10",
        baseline: "0.75",
        basket: true,
    },
];

impl OfFamily {
    pub(super) fn measure(&self, logs: &Path, packs: &Path) -> anyhow::Result<Figure> {
        let date = |text: &&str| Timestamp::from_date(text).context("a date");
        let pack: PathBuf = if self.basket { logs.join(self.pack) } else { packs.join(self.pack) };
        let mapping =
            if self.basket { logs.join("items.mapping.json") } else { pack.with_file_name("mapping.json") };
        let text =
            std::fs::read_to_string(&pack).with_context(|| format!("cannot read {}", pack.display()))?;
        let trained = FamilyTraining {
            basis: Basis {
                pack: document::parse(&text)?,
                events: vec![logs.join(format!("{}.csv.gz", self.log))],
                mapping: Some(read_mapping(&mapping)?),
                strict: false,
                cuts: self.cuts.iter().map(date).collect::<anyhow::Result<_>>()?,
                test_cut: date(&self.test_cut)?,
                features: vec!["regular".to_owned()],
                model_id: Name::parse("next").context("a name")?,
                missing: 0.0,
                seed: 0,
            },
            label: self.label.to_owned(),
            each: self.each.iter().map(|name| (*name).to_owned()).collect(),
            within_days: self.within_days,
            half_lives: self.half_lives.to_vec(),
            precision: None,
            reach: None,
            aim: if self.basket { Aim::Basket } else { Aim::Values },
        }
        .run(&mut crate::replay::Unwatched)?;
        let figure = self.figure(&trained)?;
        let Interval { value, low, high } = figure.ours;
        Ok(Figure {
            set: self.set,
            task: self.task,
            ours: format!("**{value:.3}** ({low:.3} to {high:.3})"),
            baseline: self.baseline,
            how: if self.basket {
                "share of who came again (HitRate@10)"
            } else {
                "AUC at a later cut, mean over the departments"
            },
            chosen: format!(
                "{}. Without a model: how common {:.3}, how often {:.3}, how often and lately {:.3}",
                trained.way, figure.popularity.value, figure.frequency.value, figure.recency.value
            ),
        })
    }

    fn figure<'a>(&self, trained: &'a FamilyTrained) -> anyhow::Result<&'a Beside<Interval>> {
        if self.basket {
            return Ok(&trained.basket.as_ref().context("more than twenty items")?.hit_rate);
        }
        Ok(&trained.auc)
    }
}
