//! Parameters of routes that are parameters of the request, as FastAPI has
//! them.

use super::{Engine, Mode, Unwind, maps::Ask};
use crate::{
    facts::{Entry, Fields, Handed},
    ir::{ExprKind, Param, Span},
    value::{Closure, Kind, Origin, Value},
};

const DEPENDS: &str = "fastapi.Depends";
pub(super) const DEPENDENCIES: &str = "dependencies";
/// The same of a router, by the app that includes it.
const INCLUDED: &str = "$dependencies";

impl Engine<'_> {
    pub(super) fn injected(
        &mut self,
        param: &Param,
        annotation: &str,
        at: Span,
    ) -> Result<Option<Value>, Unwind> {
        let default = match &param.default {
            Some(e) => {
                if let ExprKind::Call(call) = &e.kind
                    && let ExprKind::Name(n) | ExprKind::Attr(_, n) = &call.func.kind
                {
                    match n.as_str() {
                        "Depends" | "Security" => {
                            let Some(of) = call.args.first() else {
                                return Ok(None);
                            };
                            let of = self.eval(of)?;
                            return self.dependency(&of, at).map(Some);
                        }
                        "Cookie" => {
                            let key = call
                                .named
                                .iter()
                                .find(|(k, _)| k.as_deref() == Some("alias"))
                                .map(|(_, v)| self.eval(v))
                                .transpose()?
                                .unwrap_or_else(|| Value::str(&param.name));
                            return self.read("cookies", &key, Ask::default(), at).map(Some);
                        }
                        "Header" => {
                            return Ok(Some(self.sym(Origin::Header(param.name.clone()), at)));
                        }
                        "Query" | "Form" | "Body" | "Path" => {
                            let default = call
                                .args
                                .first()
                                .or_else(|| {
                                    let named = call.named.iter();
                                    named
                                        .filter(|(k, _)| k.as_deref() == Some("default"))
                                        .map(|(_, v)| v)
                                        .next()
                                })
                                .filter(|d| !matches!(d.kind, ExprKind::Other(_)));
                            let default = default.map(|d| self.eval(d)).transpose()?;
                            let ask = Ask {
                                strict: default.is_none(),
                                default,
                                remove: false,
                            };
                            let key = Value::str(&param.name);
                            return self.required(&key, ask, at).map(Some);
                        }
                        _ => {}
                    }
                }
                true
            }
            None => false,
        };
        if annotation.contains("Cookie(") {
            return self
                .read("cookies", &Value::str(&param.name), Ask::default(), at)
                .map(Some);
        }
        if let Some(of) = self.depends_on(annotation, at) {
            return self.dependency(&of, at).map(Some);
        }
        if annotation.contains("Response")
            || annotation.contains("Session")
            || annotation.contains("Depends(")
        {
            return Ok(None);
        }
        let optional = default || annotation.contains("None") || annotation.contains("Optional");
        let ask = Ask {
            default: None,
            strict: !optional,
            remove: false,
        };
        let (plain, marked) = beside_marks(annotation);
        // The body of a request as Litestar hands it over.
        let whole = marked || param.name == "data";
        if (!default || marked)
            && let Some(refuses) = self
                .body_of(plain, at)
                .filter(|_| plain == annotation || whole)
        {
            let denied = self.mode == Mode::Scenario && !self.scenario.code;
            if refuses && denied {
                return self.raise("Abort");
            }
            return Ok(Some(Value::map("params")));
        }
        match self.required(&Value::str(&param.name), ask, at) {
            // The parameter is absent: its own default holds.
            Ok(value) if value.is_none() => Ok(None),
            Ok(value) => Ok(Some(value)),
            Err(other) => Err(other),
        }
    }

    /// What Litestar hands to a parameter of that name: what the route, or its
    /// controller, says provides it.
    pub(super) fn provided_by_name(
        &mut self,
        closure: &Closure,
        name: &str,
        at: Span,
    ) -> Result<Option<Value>, Unwind> {
        let mut all = Vec::new();
        for decorator in &closure.function.decorators {
            if let ExprKind::Call(call) = &decorator.kind
                && let Some((_, map)) = call
                    .named
                    .iter()
                    .find(|(k, _)| k.as_deref() == Some(DEPENDENCIES))
            {
                all.push(self.eval(map)?);
            }
        }
        let of_class = closure.class.as_ref();
        all.extend(of_class.and_then(|c| c.members.get(DEPENDENCIES).cloned()));
        for map in all {
            let Kind::Dict(id) = map.kind else { continue };
            let provider = self.heap.get(id).and_then(|o| o.fields.get(name).cloned());
            if let Some(Kind::Obj(id)) = provider.map(|p| p.kind)
                && let Some(object) = self.heap.get(id)
                && object.class.ends_with("Provide")
                && let Some(of) = object.items.first().cloned()
            {
                return self.dependency(&of, at).map(Some);
            }
        }
        Ok(None)
    }

    /// What stands beside a type, where that asks for something.
    pub(super) fn asked_of(&self, key: &Value) -> Value {
        let Kind::List(id) = key.kind else {
            return Value::unknown();
        };
        let items = self.heap.get(id).map(|o| o.items.clone());
        let asks = |v: &Value| match &v.kind {
            Kind::Obj(id) => self
                .heap
                .get(*id)
                .is_some_and(|o| o.class.as_ref() == DEPENDS),
            _ => false,
        };
        let found = items.unwrap_or_default().into_iter().find(asks);
        found.unwrap_or_else(Value::unknown)
    }

    /// `Annotated[T, Depends(f)]`, and names that stand for one.
    fn depends_on(&mut self, annotation: &str, at: Span) -> Option<Value> {
        let word = |c: char| c.is_alphanumeric() || c == '_';
        if let Some((_, rest)) = annotation.split_once("Depends(") {
            let name = rest.split(|c| !word(c)).next()?;
            return (!name.is_empty()).then(|| self.variable(name, at));
        }
        if annotation.is_empty() || !annotation.chars().all(word) {
            return None;
        }
        let Kind::Obj(id) = self.variable(annotation, at).kind else {
            return None;
        };
        let object = self.heap.get(id).filter(|o| o.class.as_ref() == DEPENDS)?;
        object.fields.get("dependency").cloned()
    }

    /// `app.include_router(router, dependencies=[Depends(check)])`: the routes of
    /// that router ask for it, too.
    pub(super) fn includes_router(
        &mut self,
        app: &Value,
        name: &str,
        args: &[Value],
        named: &Fields,
    ) {
        if name != "include_router" || self.mode != Mode::Load {
            return;
        }
        let Some(Kind::Obj(id)) = args.first().map(|v| &v.kind) else {
            return;
        };
        let asked = named.iter().find(|(k, _)| k == DEPENDENCIES);
        // What the app asks for, it asks for on all of its routes.
        let own = match app.kind {
            Kind::Obj(app) if asked.is_none() => self.heap.get(app),
            _ => None,
        };
        let own = own.and_then(|o| o.fields.get(DEPENDENCIES).cloned());
        let list = asked.map(|(_, list)| list.clone()).or(own);
        if let (Some(list), Some(router)) = (list, self.heap.get_mut(*id)) {
            router.fields.insert(INCLUDED.into(), list);
        }
    }

    /// What a route, or the router that it belongs to, asks for without taking
    /// it: `dependencies=[Depends(check)]`. It runs before the function does.
    pub(super) fn depended_on(&mut self, closure: &Closure) -> Result<(), Unwind> {
        if !self.libraries.injects {
            return Ok(());
        }
        for decorator in &closure.function.decorators {
            let ExprKind::Call(call) = &decorator.kind else {
                continue;
            };
            let ExprKind::Attr(router, _) = &call.func.kind else {
                continue;
            };
            let router = self.eval(router)?;
            let mut lists = Vec::new();
            if let Kind::Obj(id) = router.kind
                && let Some(object) = self.heap.get(id)
            {
                let asked = [DEPENDENCIES, INCLUDED];
                lists.extend(asked.iter().filter_map(|k| object.fields.get(*k).cloned()));
            }
            let mut given = call.named.iter();
            if let Some((_, list)) = given.find(|(k, _)| k.as_deref() == Some(DEPENDENCIES)) {
                lists.push(self.eval(list)?);
            }
            for list in lists {
                let Kind::List(id) = list.kind else { continue };
                let items = self.heap.get(id).map(|o| o.items.clone());
                for item in items.unwrap_or_default() {
                    let Kind::Obj(id) = item.kind else { continue };
                    let object = self.heap.get(id).filter(|o| o.class.as_ref() == DEPENDS);
                    let of = object.and_then(|o| o.fields.get("dependency").cloned());
                    if let Some(of) = of {
                        self.dependency(&of, decorator.span)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether a parameter is the whole body of the request, and a body without
    /// a code is refused: where its model has it without a default, or is not
    /// seen.
    fn body_of(&mut self, annotation: &str, at: Span) -> Option<bool> {
        let plain = annotation.rsplit('.').next().unwrap_or(annotation);
        let named = plain.chars().all(|c| c.is_alphanumeric() || c == '_');
        if named
            && plain.starts_with(char::is_uppercase)
            && let Kind::Class(class) = self.variable(plain, at).kind
        {
            let model = class.bases.iter().any(|b| match &b.kind {
                Kind::Ext(path) => {
                    let last = path.rsplit('.').next().unwrap_or(path);
                    matches!(
                        last,
                        "BaseModel" | "SQLModel" | "Schema" | "CamelModel" | "Struct"
                    )
                }
                _ => false,
            });
            return model.then(|| !class.members.contains_key("code"));
        }
        is_body(annotation).then(|| plain.starts_with(char::is_uppercase) && named)
    }

    /// What must be there, or the framework answers in the app's stead.
    fn required(&mut self, key: &Value, ask: Ask, at: Span) -> Result<Value, Unwind> {
        match self.read("params", key, ask, at) {
            Err(Unwind::Raise(name)) if name.as_ref() == "KeyError" => self.raise("Abort"),
            done => done,
        }
    }

    /// What a function is given that the framework calls for another one:
    /// nothing, where such functions ask for each other without end.
    pub(super) fn all_outside(
        &mut self,
        entry: &Entry,
        closure: &Closure,
    ) -> Result<Fields, Unwind> {
        let mut named = Vec::new();
        if self.injected >= super::enter::INJECTED {
            return Ok(named);
        }
        self.injected += 1;
        let mut done = Ok(());
        for param in &closure.function.params {
            // It may be given what asks for it.
            if matches!(param.annotation.as_deref(), Some("Self")) {
                continue;
            }
            done = self.step().and_then(|()| {
                let value = self.outside(entry, closure, param)?;
                named.extend(value.map(|v| (param.name.clone(), v)));
                Ok(())
            });
            if done.is_err() {
                break;
            }
        }
        self.injected -= 1;
        done.map(|()| named)
    }

    fn dependency(&mut self, of: &Value, at: Span) -> Result<Value, Unwind> {
        match &of.kind {
            Kind::Func(closure) => {
                let entry = Entry {
                    name: closure.function.name.clone(),
                    file: closure.file,
                    span: closure.function.span,
                    function: of.clone(),
                    route: true,
                    handed: Handed::default(),
                };
                let named = self.all_outside(&entry, closure)?;
                self.call_value(of, Vec::new(), named, at)
            }
            _ => self.call_value(of, Vec::new(), Vec::new(), at),
        }
    }
}

/// The type of `Annotated[T, …]`, and whether what stands beside it says that
/// it is the body of the request.
fn beside_marks(annotation: &str) -> (&str, bool) {
    let Some((_, inner)) = annotation.split_once("Annotated[") else {
        return (annotation, false);
    };
    let mut depth = 0_usize;
    let end = inner.find(|c| {
        match c {
            '[' | '(' => depth += 1,
            ']' | ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    });
    let (plain, marks) = inner.split_at(end.unwrap_or(inner.len()));
    (
        plain.trim(),
        marks.contains("Body(") || marks.contains("Form("),
    )
}

/// Whether a parameter is the whole body of the request: a mapping, or a model
/// that is not seen.
fn is_body(annotation: &str) -> bool {
    const ENDS: &[&str] = &[
        "Request", "Payload", "Schema", "Body", "Data", "Input", "Params", "Callback",
    ];
    let plain = annotation.rsplit('.').next().unwrap_or(annotation);
    let named = plain.chars().all(|c| c.is_alphanumeric() || c == '_');
    let mapping = ["dict", "Dict", "Mapping"];
    mapping.contains(&plain)
        || mapping.iter().any(|m| plain.starts_with(&format!("{m}[")))
        || named && ENDS.iter().any(|e| plain.ends_with(e))
}
