//! What an exercise is, and what comes of it.

use std::{future::Future, pin::Pin};

use serde_json::{Value, json};

use crate::stage::Stage;

/// With or without the safeguard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// The careless app or provider.
    Without,
    /// The unchanged library or local provider.
    With,
}

pub(crate) type Staging = Pin<Box<dyn Future<Output = Stage> + Send>>;
pub(crate) type Playing<'a> = Pin<Box<dyn Future<Output = Played> + Send + 'a>>;

/// What an attempt came to, or why it could not be made.
pub(crate) type Played = Result<Side, String>;

/// An exercise.
#[derive(Clone, Copy)]
pub struct Lab {
    /// The name, as in `valetkey lab NAME`.
    pub name: &'static str,
    /// One line.
    pub title: &'static str,
    /// The clause that asks for the safeguard.
    pub clause: &'static str,
    /// What the attacker does, in a few sentences.
    pub attack: &'static str,
    /// Why it works, and what stops it.
    pub lesson: &'static str,
    /// How to do it by hand, in two browsers.
    pub by_hand: fn(&Stage) -> Vec<String>,
    pub(crate) stage: fn(Variant) -> Staging,
    pub(crate) play: for<'a> fn(&'a Stage) -> Playing<'a>,
}

impl std::fmt::Debug for Lab {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Lab({})", self.name)
    }
}

/// One side of an exercise, after it was played.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Side {
    /// Whether the attacker got what they wanted.
    pub succeeded: bool,
    /// Who is signed in as whom, or what the attacker holds.
    pub evidence: String,
    /// What the attacker did, step by step.
    pub attacker: Vec<String>,
    /// What the victim saw.
    pub victim: Vec<String>,
    /// The code of the answer that stopped it, if one carries one.
    pub code: Option<String>,
}

/// Both sides.
#[derive(Clone, Debug)]
pub struct Report {
    /// The exercise's name.
    pub lab: &'static str,
    /// The clause.
    pub clause: &'static str,
    /// Against the careless.
    pub without: Side,
    /// Against the unchanged.
    pub with: Side,
}

impl Report {
    /// Whether the attack succeeded without the safeguard and failed with it.
    #[must_use]
    pub fn ok(&self) -> bool {
        self.without.succeeded && !self.with.succeeded && !self.with.evidence.is_empty()
    }

    /// The document that `valetkey lab NAME --json` prints.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let side = |s: &Side| {
            json!({
                "attack": if s.succeeded { "succeeded" } else { "failed" },
                "evidence": s.evidence,
                "attacker": s.attacker,
                "victim": s.victim,
            })
        };
        let mut with = side(&self.with);
        with["code"] = json!(self.with.code);
        json!({
            "version": 1,
            "lab": self.lab,
            "clause": self.clause,
            "without": side(&self.without),
            "with": with,
            "ok": self.ok(),
        })
    }
}

impl Lab {
    /// Sets the stage for one side, and leaves it running until it is
    /// dropped.
    pub async fn stage(&self, variant: Variant) -> Stage {
        (self.stage)(variant).await
    }

    /// Plays both sides.
    pub async fn run(&self) -> Report {
        Report {
            lab: self.name,
            clause: self.clause,
            without: self.play_side(Variant::Without).await,
            with: self.play_side(Variant::With).await,
        }
    }

    async fn play_side(&self, variant: Variant) -> Side {
        let stage = self.stage(variant).await;
        match (self.play)(&stage).await {
            Ok(side) => side,
            // An attempt that could not be made proves nothing: it has no
            // evidence, and the report is not ok.
            Err(why) => Side {
                attacker: vec![format!("The attempt could not be made: {why}")],
                ..Side::default()
            },
        }
    }
}
