//! Functions that a library makes to stand before others, and that do a part
//! of the flow when a request comes: `passport.authenticate("google")`.

use super::{Engine, Eval, Mode, args::Args, callbacks::is_check};
use crate::{
    ir::{ExprKind, Function, Span},
    libraries::CallModel,
    value::{Closure, Kind, Origin, Value},
};

/// The class of what such a call makes.
const GUARD: &str = "web.guard";

/// What it does for the request that it is called with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Nothing comes after it.
    Last,
    /// It runs before a function of the app.
    Before,
    /// A function of the app calls it.
    Within,
}

impl Engine<'_> {
    /// The function that a call makes of its options.
    pub(super) fn guard(&mut self, model: &'static CallModel, args: &Args) -> Value {
        let name = args.get("strategy").cloned().unwrap_or_else(Value::unknown);
        // The same library speaks other protocols, too.
        let others = self.fact(model, "other-protocols").unwrap_or_default();
        let plain = name.plain_name();
        if plain.is_none_or(|n| others.split(' ').any(|o| o == n)) {
            return Value::unknown();
        }
        let mut fields = args.named.clone();
        let function = args.positional.last().cloned();
        if let Some(function) = function.filter(|v| matches!(v.kind, Kind::Func(_))) {
            fields.push(("$then".into(), function));
        }
        // Options that are not seen.
        if args
            .get("options")
            .is_some_and(|o| !matches!(o.kind, Kind::Dict(_) | Kind::Func(_)))
        {
            fields.push(("**".into(), Value::unknown()));
        }
        for part in ["login", "callback", "end", "ends-with"] {
            let said = self.fact(model, part).unwrap_or_default();
            fields.push((format!("$guard:{part}"), Value::str(said)));
        }
        self.object(GUARD, fields)
    }

    /// Whether a value is such a function.
    pub(super) fn is_guard(&self, value: &Value) -> bool {
        matches!(value.kind, Kind::Obj(id)
            if self.heap.get(id).is_some_and(|o| o.class.as_ref() == GUARD))
    }

    /// Lets it do its part.
    pub(super) fn guarded(&mut self, guard: &Value, place: Place, at: Span) -> Eval<()> {
        let Kind::Obj(id) = guard.kind else {
            return Ok(());
        };
        let fields = self.heap.get(id).map(|o| o.fields.clone());
        let fields = fields.unwrap_or_default();
        let said = |part: &str| fields.get(part).and_then(Value::as_str).unwrap_or_default();
        let ends = said("$guard:ends-with")
            .split(' ')
            .any(|name| fields.contains_key(name));
        let begins =
            fields.contains_key("state") || fields.contains_key("scope") && place != Place::Before;
        let part = match place {
            _ if begins && !(ends && place == Place::Before) => "$guard:login",
            Place::Before => "$guard:callback",
            Place::Within if ends => "$guard:callback",
            Place::Last if ends => "$guard:end",
            _ => "$guard:login",
        };
        let Some(model) = self.libraries.call(said(part)) else {
            return Ok(());
        };
        let args = Args {
            named: fields
                .iter()
                .filter(|(k, _)| !k.starts_with('$'))
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect(),
            ..Args::default()
        };
        self.delegate(model, None, &args, at)?;
        if part != "$guard:login" {
            self.went_on = true;
        }
        if let Some(then) = fields.get("$then") {
            let mut user = self.sym(Origin::Profile, at);
            let mut error = Value::unknown();
            // Whom the provider does not vouch for, the function is told of: an
            // error there is not, and no user.
            if part == "$guard:callback" && self.mode == Mode::Discover && !self.decide(at) {
                self.failed.extend(user.taint.iter().copied());
                user.kind = Kind::Bool(false);
                error = Value::none();
            }
            let given = vec![error, user, Value::unknown()];
            self.call_value(&then.clone(), given, Vec::new(), at)?;
        }
        Ok(())
    }

    /// Whether the guards of a decorator let a function run.
    pub(super) fn let_in(&mut self, closure: &Closure, at: Span) -> Eval<bool> {
        for decorator in &closure.function.decorators {
            let ExprKind::Call(call) = &decorator.kind else {
                continue;
            };
            if !matches!(&call.func.kind, ExprKind::Name(n) if n == "UseGuards") {
                continue;
            }
            for guard in &call.args {
                let guard = self.eval(guard)?;
                if self.is_guard(&guard) {
                    self.guarded(&guard, Place::Before, at)?;
                    continue;
                }
                let object = match &guard.kind {
                    Kind::Class(class) => {
                        self.instantiate(&class.clone(), Vec::new(), Vec::new(), at)?
                    }
                    // Not seen, but its name says what it may look at.
                    Kind::Ext(path) => {
                        self.notes.opaque |= path.starts_with("own:") && is_check(path);
                        continue;
                    }
                    _ => guard.clone(),
                };
                let check = self.attr(&object, "canActivate", at)?;
                if !matches!(check.kind, Kind::Func(_)) {
                    continue;
                }
                let given = vec![Value::ext("nest.execution")];
                let lets = self.call_value(&check, given, Vec::new(), at)?;
                if !self.truth_or_decide(&lets, at) {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// What an object is made with for each request, by its type.
    pub(super) fn made_with(&mut self, function: &Function, name: &str) -> Option<Value> {
        const OWN: &[&str] = &[
            "class:web.",
            "class:koa.",
            "class:hono.",
            "map:cookies",
            "map:session",
        ];
        if !self.traits.callbacks || self.traits.blocks || function.name != "__init__" {
            return None;
        }
        let param = function.params.iter().find(|p| p.name == name)?;
        let is = self.libraries.param("", param.annotation.as_deref()?)?;
        if !OWN.iter().any(|known| is.starts_with(known)) {
            return None;
        }
        let is = is.to_owned();
        Some(self.known_attr(&is, function.span))
    }
}
