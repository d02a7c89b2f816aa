//! What a setting is where the environment says nothing.

use super::{Engine, Eval, maps::Ask};
use crate::{
    ir::{Cmp, Span},
    lang::Language,
    value::{Kind, Origin, Taint, Value},
};

impl Engine<'_> {
    /// What a comparison comes to where the environment says nothing: the
    /// text that stands in for it, or nothing at all.
    pub(super) fn where_unset(&mut self, op: Cmp, a: &Value, b: &Value, at: Span) -> Option<bool> {
        let (a, b) = match (self.unset(a), self.unset(b)) {
            (Some(unset), None) => (unset, b.clone()),
            (None, Some(unset)) => (a.clone(), unset),
            _ => return None,
        };
        match op {
            Cmp::Eq => self.equal(&a, &b),
            Cmp::Ne => self.equal(&a, &b).map(|x| !x),
            Cmp::In => self.contains(&b, &a, at),
            Cmp::NotIn => self.contains(&b, &a, at).map(|x| !x),
            Cmp::Order => None,
        }
    }

    /// `env("DEBUG", default=True)`, `env.bool("DEBUG", True)`: what reads the
    /// environment was made before.
    pub(super) fn read_by(
        &mut self,
        reader: &Value,
        method: Option<&str>,
        args: &[Value],
        named: &[(String, Value)],
        at: Span,
    ) -> Eval<Option<Value>> {
        const CASTS: &[&str] = &["bool", "str", "int", "url", "get_value", "get"];
        let reads = matches!(reader.kind, Kind::Sym)
            && reader.taint.first().is_some_and(
                |id| matches!(self.origins.of(*id), Origin::Env(of) if of == "*" || of.contains(".env")),
            );
        let Some(key) = args.first().filter(|v| reads && v.as_str().is_some()) else {
            return Ok(None);
        };
        if method.is_some_and(|m| !CASTS.contains(&m)) {
            return Ok(None);
        }
        // Alone, the second is the type.
        let second = args.get(1).filter(|_| method.is_some());
        let told = named.iter().find(|(k, _)| k == "default").map(|(_, v)| v);
        let default = told.or(second).cloned();
        let ask = Ask {
            default,
            ..Ask::default()
        };
        self.read("env", key, ask, at).map(Some)
    }

    /// The setting that a condition asks for, and whether it holds without.
    pub(super) fn switched_by(&self, test: &Value) -> Option<(Taint, Option<bool>)> {
        let of_env = self.language == Language::Python
            && self.truth(test).is_none()
            && self.any(&test.taint, |o| matches!(o, Origin::Env(_)));
        of_env.then(|| {
            let unset = self.unset(test).and_then(|v| self.truth(&v));
            (test.taint.clone(), unset)
        })
    }

    /// What a switch is after a block that a setting decides on: what it says
    /// itself, or what was before, where the setting is not there.
    pub(super) fn switched(&self, name: &str, value: Value) -> Value {
        let module = self.frames.last().is_some_and(|f| f.module);
        let (Kind::Bool(_), true, Some((taint, runs))) = (&value.kind, module, &self.switch) else {
            return value;
        };
        let mut set = Value::unknown();
        set.add(taint);
        let before = || {
            let names = self.modules.get(self.file())?.as_ref()?;
            let before = names.get(name)?;
            matches!(before.kind, Kind::Bool(_) | Kind::Alt(_)).then(|| before.clone())
        };
        match runs {
            Some(true) => Value::either(set, value),
            Some(false) => match before() {
                Some(before) => Value::either(set, before),
                None => set,
            },
            None => set,
        }
    }

    /// What stands in for a variable of the environment that is not set.
    pub(super) fn unset(&self, value: &Value) -> Option<Value> {
        let of_env = |v: &Value| {
            matches!(v.kind, Kind::Sym | Kind::Unknown)
                && self.any(&v.taint, |o| matches!(o, Origin::Env(_)))
        };
        match &value.kind {
            // Without one that is asked for strictly, nothing runs at all.
            Kind::Sym if value.taint.iter().any(|id| self.demanded.contains(id)) => None,
            Kind::Sym if of_env(value) => Some(Value::none()),
            Kind::Alt(all) => match all.as_slice() {
                [read, rest] if of_env(read) => match rest.kind {
                    Kind::Str(_) | Kind::Number(_) | Kind::Bool(_) => Some(rest.clone()),
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        }
    }
}

/// Texts of the source in small or large letters, also as what stands in for
/// something else.
pub(super) fn in_case(value: &Value, upper: bool) -> Value {
    let kind = match &value.kind {
        Kind::Str(text) if upper => Kind::Str(text.to_uppercase().into()),
        Kind::Str(text) => Kind::Str(text.to_lowercase().into()),
        Kind::Alt(all) => {
            let all = all.iter().map(|v| match v.kind {
                Kind::Str(_) => in_case(v, upper),
                _ => v.clone(),
            });
            Kind::Alt(all.collect::<Vec<_>>().into())
        }
        _ => return value.clone(),
    };
    Value {
        kind,
        taint: value.taint.clone(),
    }
}

/// Words that stand in for a setting, as what a number or a switch is made of
/// them.
pub(super) fn as_switch(value: &Value) -> Value {
    let Kind::Alt(all) = &value.kind else {
        return value.clone();
    };
    let read = |v: &Value| {
        let on = match v
            .as_str()
            .map(|text| text.trim().to_ascii_lowercase())
            .as_deref()
        {
            Some("0" | "false" | "no" | "off" | "f" | "n" | "null") => false,
            Some("1" | "true" | "yes" | "on" | "t" | "y") => true,
            _ => return v.clone(),
        };
        Value {
            kind: Kind::Bool(on),
            taint: v.taint.clone(),
        }
    };
    Value {
        kind: Kind::Alt(all.iter().map(read).collect::<Vec<_>>().into()),
        taint: value.taint.clone(),
    }
}
