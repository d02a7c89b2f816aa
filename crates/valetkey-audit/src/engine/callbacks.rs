//! Functions that are given to other functions, as JavaScript has it.

use std::rc::Rc;

use super::{Engine, Eval, ITEMS, Mode, Unwind, guards::Place};
use crate::{
    facts::Handed,
    ir::{Call, Cmp, ExprKind, Span},
    libraries::{CallModel, Does},
    value::{Closure, Kind, Value},
};

/// Methods of promises, lists and mappings.
pub(super) fn is_array_method(name: &str) -> bool {
    matches!(
        name,
        "then"
            | "catch"
            | "finally"
            | "map"
            | "filter"
            | "forEach"
            | "find"
            | "some"
            | "every"
            | "reduce"
            | "includes"
            | "push"
            | "add"
            | "slice"
            | "set"
            | "has"
            | "delete"
            | "getItem"
            | "setItem"
            | "removeItem"
            | "toString"
            | "entries"
            | "pipe"
            | "subscribe"
            | "done"
            | "end"
    )
}

/// Whether something of the app that is not seen may look at the state.
pub(super) fn is_check(path: &str) -> bool {
    const WORDS: &[&str] = &["state", "csrf", "oauth", "verify", "check", "valid"];
    let lower = path.to_ascii_lowercase();
    WORDS.iter().any(|w| lower.contains(w))
}

impl Engine<'_> {
    /// `promise.catch(f)`: what the promise raises is handled.
    pub(super) fn caught(&mut self, call: &Call, at: Span) -> Eval<Option<Value>> {
        let ExprKind::Attr(of, name) = &call.func.kind else {
            return Ok(None);
        };
        if !self.traits.callbacks || name != "catch" || call.args.len() != 1 {
            return Ok(None);
        }
        let done = self.eval(of);
        let fails = match &done {
            Err(Unwind::Raise(_)) => true,
            Ok(_) => self.mode == Mode::Discover && !self.decide(at),
            Err(_) => false,
        };
        if !fails {
            return done.map(Some);
        }
        let handler = self.eval(&call.args[0])?;
        let error = self.error_caught();
        self.call_value(&handler, vec![error], Vec::new(), at)
            .map(Some)
    }

    /// The functions among some values answer requests.
    pub(super) fn routes(&mut self, model: &'static CallModel, args: &[Value]) {
        let fact = |name: &str| model.facts.get(name).map_or("", String::as_str);
        let roles = fact("hands").split(' ').filter(|w| !w.is_empty());
        let handed = Handed {
            roles: roles.map(str::to_owned).collect(),
            answers: !fact("answers").is_empty(),
            scoped: !fact("scoped").is_empty(),
            before: Vec::new(),
        };
        // A list of routes, of which none is before another.
        if !fact("each").is_empty() {
            let mut functions = Vec::new();
            for one in args {
                self.handled_by_library(one);
                self.functions(one, &mut functions, 0);
            }
            for one in functions {
                self.handle_requests(handed.clone(), std::slice::from_ref(&one));
            }
            return;
        }
        self.handle_requests(handed, args);
    }

    /// A function of a library that does a part of the flow by itself.
    fn delegated(&self, value: &Value) -> Option<(&'static CallModel, Rc<str>)> {
        let Kind::Ext(path) = &value.kind else {
            return None;
        };
        let model = self.libraries.call(path)?;
        matches!(model.does, Does::DelegateLogin | Does::DelegateCallback)
            .then(|| (model, path.clone()))
    }

    fn handled_by_library(&mut self, value: &Value) {
        if let Some((model, path)) = self.delegated(value) {
            let at = self.site;
            let _ = self.apply(model, None, &path, Vec::new(), Vec::new(), at);
        }
    }

    /// The last function answers; those before it let it run or not.
    pub(super) fn handle_requests(&mut self, handed: Handed, args: &[Value]) {
        for value in args {
            self.handled_by_library(value);
        }
        let mut functions = Vec::new();
        for value in args {
            self.functions(value, &mut functions, 0);
        }
        let mut before: Vec<Value> = Vec::new();
        for value in functions {
            if let Kind::Func(closure) = &value.kind {
                let handed = Handed {
                    before: before.clone(),
                    ..handed.clone()
                };
                self.learn(&closure.clone(), Some(handed));
            }
            before.push(value);
        }
        // One that no function of the app comes after.
        if let Some(last) = args.last().filter(|v| self.is_guard(v)) {
            let at = self.site;
            let _ = self.guarded(&last.clone(), Place::Last, at);
        }
    }

    /// `router.get("/path", …, handler)` of a router that is not known.
    pub(super) fn unknown_route(&mut self, name: &str, args: &[Value]) -> bool {
        const VERBS: &[&str] = &[
            "get", "post", "put", "all", "use", "delete", "patch", "Get", "Post", "GET", "POST",
            "Any", "All", "Match", "Put", "PUT",
        ];
        let path = args
            .first()
            .is_some_and(|v| v.as_str().is_some_and(|s| s.starts_with('/')));
        let handler = args.last().is_some_and(|v| {
            matches!(v.kind, Kind::Func(_)) || self.is_guard(v) || self.delegated(v).is_some()
        });
        // By its types, whatever its path is made of.
        let path = path
            || self.traits.packages
                && args.len() > 1
                && args.last().is_some_and(|v| match &v.kind {
                    Kind::Func(f) => self.answers_request(&f.function),
                    _ => self.delegated(v).is_some(),
                });
        let route = self.traits.callbacks && VERBS.contains(&name) && path && handler;
        if route {
            self.handle_requests(Handed::default(), args);
        }
        route
    }

    fn functions(&self, value: &Value, into: &mut Vec<Value>, depth: usize) {
        match &value.kind {
            Kind::Func(_) => into.push(value.clone()),
            Kind::Obj(_) if self.is_guard(value) => into.push(value.clone()),
            // Not seen, but its name says what it may look at.
            Kind::Ext(path) if path.starts_with("own:") && is_check(path) => {
                into.push(value.clone())
            }
            Kind::List(id) | Kind::Dict(id) if depth < 3 => {
                if let Some(object) = self.heap.get(*id) {
                    for inner in object.items.iter().chain(object.fields.values()) {
                        self.functions(inner, into, depth + 1);
                    }
                }
            }
            _ => {}
        }
    }

    /// A known call was given a function to hand its result to.
    pub(super) fn called_back(&mut self, args: &[Value], result: Value, at: Span) -> Eval<Value> {
        if self.traits.blocks {
            return Ok(result);
        }
        // `req.session.save(next)`.
        if matches!(args.last().map(|v| &v.kind), Some(Kind::Ext(p)) if p.as_ref() == "js.next") {
            self.went_on = true;
            return Ok(result);
        }
        let Some(callback) = args.last().filter(|v| matches!(v.kind, Kind::Func(_))) else {
            return Ok(result);
        };
        if !self.traits.callbacks || self.mode == Mode::Load {
            return Ok(result);
        }
        // `http.HandlerFunc(func(w, r) { … })`: it answers requests later.
        if self.traits.packages
            && matches!(&callback.kind, Kind::Func(f) if self.answers_request(&f.function))
        {
            return Ok(result);
        }
        // The first is the error; whoever looks at it looks at the answer.
        let error = Value::derived([&self.settled(&result)]);
        // What a call that gives nothing hands over is not known.
        let handed = match result.is_none() {
            true => Value::unknown(),
            false => result.clone(),
        };
        let given = vec![error, handed.clone(), handed];
        self.call_value(callback, given, Vec::new(), at)?;
        Ok(result)
    }

    /// The same, where the library hands over parts of its own: `error` and
    /// what attributes are.
    pub(super) fn called_with(
        &mut self,
        callback: Option<&Value>,
        parts: &str,
        result: Value,
        at: Span,
    ) -> Eval<Value> {
        let callback = callback.filter(|v| matches!(v.kind, Kind::Func(_)));
        let Some(callback) = callback.filter(|_| self.mode != Mode::Load) else {
            return Ok(result);
        };
        let error = Value::derived([&self.settled(&result)]);
        let mut given = Vec::new();
        for part in parts.split(' ') {
            given.push(match part {
                "error" => error.clone(),
                "result" => result.clone(),
                is => self.known_attr(is, at),
            });
        }
        self.call_value(callback, given, Vec::new(), at)?;
        Ok(result)
    }

    /// What is not known may call the functions that it is given.
    pub(super) fn hand_over(
        &mut self,
        of: &Value,
        args: &[Value],
        at: Span,
    ) -> Eval<Option<Value>> {
        if !self.traits.callbacks && !self.traits.typed {
            return Ok(None);
        }
        let functions: Vec<Value> = args
            .iter()
            .filter(|v| matches!(v.kind, Kind::Func(_)))
            .cloned()
            .collect();
        if functions.is_empty() {
            return Ok(None);
        }
        if self.traits.blocks {
            let given = Value::derived([&self.settled(of)]);
            return self.yielded(&functions, given, at).map(Some);
        }
        if self.mode == Mode::Load {
            // A wrapper around a handler is as good as the handler.
            return Ok((args.len() == 1).then(|| functions[0].clone()));
        }
        for function in functions {
            let given = match &function.kind {
                Kind::Func(closure) if self.traits.packages => {
                    self.typed_args(&closure.clone(), at)
                }
                _ => vec![Value::unknown(); 3],
            };
            self.call_value(&function, given, Vec::new(), at)?;
        }
        Ok(None)
    }

    /// `db.run(|connection| …)`: what the function makes of what it is lent is
    /// what the call is worth.
    pub(super) fn lent(&mut self, name: &str, args: &[Value], at: Span) -> Eval<Option<Value>> {
        const LEND: &[&str] = &[
            "run",
            "interact",
            "transaction",
            "with_conn",
            "run_blocking",
        ];
        match args {
            [function] if self.traits.typed && LEND.contains(&name) => match function.kind {
                Kind::Func(_) => self
                    .call_value(function, vec![Value::unknown()], Vec::new(), at)
                    .map(Some),
                _ => Ok(None),
            },
            _ => Ok(None),
        }
    }

    /// What the types of a function's parameters say that it is given.
    pub(super) fn typed_args(&mut self, closure: &Closure, at: Span) -> Vec<Value> {
        let params = closure.function.params.iter();
        let given = params.map(|param| {
            let annotation = param.annotation.as_deref().unwrap_or("");
            match self.libraries.param(&param.name, annotation) {
                Some(is) => self.known_attr(is, at),
                None => Value::unknown(),
            }
        });
        given.collect()
    }

    /// `any?`, `all?` and `none?` with a block: as far as it says of each item
    /// of a list that is all there.
    fn asked_of_each(&mut self, of: &Value, name: &str, f: &Value, at: Span) -> Eval<Value> {
        let whole = match of.kind {
            Kind::List(id) => self.heap.get(id).is_some_and(|o| !o.open),
            _ => false,
        };
        let (mut said, mut all) = (Value::unknown(), Some(true));
        let wanted = name != "every";
        for item in self.items(of, at).into_iter().take(ITEMS) {
            let made = self.call_value(f, vec![item], Vec::new(), at)?;
            said.add(&self.deep_taint(&made));
            match self.truth(&made) {
                // One is enough.
                Some(truth) if truth == wanted => {
                    all = Some(false);
                    break;
                }
                Some(_) => {}
                None => all = None,
            }
        }
        if let (true, Some(all)) = (whole, all) {
            said.kind = Kind::Bool(if name == "some" { !all } else { all });
        }
        Ok(said)
    }

    /// Methods of promises and lists.
    pub(super) fn higher(
        &mut self,
        of: &Value,
        name: &str,
        args: &[Value],
        at: Span,
    ) -> Eval<Option<Value>> {
        if !self.traits.callbacks {
            return Ok(None);
        }
        let function = args
            .first()
            .filter(|v| matches!(v.kind, Kind::Func(_) | Kind::Ext(_) | Kind::Method(_)));
        Ok(match (name, function) {
            // jQuery's and superagent's.
            ("done", Some(f)) => Some(self.call_value(f, vec![of.clone()], Vec::new(), at)?),
            ("end", Some(f)) if matches!(f.kind, Kind::Func(_)) => {
                let error = Value::derived([&self.settled(of)]);
                self.call_value(f, vec![error, of.clone()], Vec::new(), at)?;
                Some(of.clone())
            }
            ("then", Some(f)) => Some(self.call_value(f, vec![of.clone()], Vec::new(), at)?),
            ("tap", Some(f)) if self.traits.blocks => {
                self.call_value(f, vec![of.clone()], Vec::new(), at)?;
                Some(of.clone())
            }
            // Each match becomes what the function makes of it.
            ("replace" | "replaceAll", _) => match args.get(1) {
                Some(f) if matches!(f.kind, Kind::Func(_)) => {
                    let made = self.call_value(f, vec![Value::unknown()], Vec::new(), at)?;
                    let taint = self.deep_taint(&made);
                    let mut value = Value::derived([&self.settled(of)]);
                    value.add(&taint);
                    Some(value)
                }
                _ => None,
            },
            // What an observable brings goes through its operators.
            ("pipe", _) if args.iter().any(|v| matches!(v.kind, Kind::Func(_))) => {
                let mut value = of.clone();
                for operator in args {
                    if let Kind::Func(_) = operator.kind {
                        let made =
                            self.call_value(operator, vec![value.clone()], Vec::new(), at)?;
                        value = if made.is_none() { value } else { made };
                    }
                }
                Some(value)
            }
            ("subscribe", _) if !args.is_empty() => {
                let next = match &args[0].kind {
                    Kind::Dict(id) => self.heap.get(*id).and_then(|o| o.fields.get("next")),
                    Kind::Func(_) => Some(&args[0]),
                    _ => None,
                };
                if let Some(next) = next.cloned() {
                    self.call_value(&next, vec![of.clone()], Vec::new(), at)?;
                }
                Some(Value::none())
            }
            ("finally", Some(f)) => {
                self.call_value(f, Vec::new(), Vec::new(), at)?;
                Some(of.clone())
            }
            ("some" | "every" | "none", Some(f)) if self.traits.blocks => {
                Some(self.asked_of_each(of, name, f, at)?)
            }
            ("forEach" | "map" | "filter" | "find" | "some" | "every" | "flatMap", Some(f)) => {
                let items = match (&f.kind, self.traits.blocks) {
                    (Kind::Func(c), true) if c.function.params.len() > 1 => self.each_pair(of, at),
                    _ => self.items(of, at),
                };
                let mut made = Vec::new();
                for item in items.into_iter().take(ITEMS) {
                    let value = self.call_value(f, vec![item.clone()], Vec::new(), at)?;
                    made.push(match name {
                        "map" | "flatMap" => value,
                        "some" | "every" => Value::derived([&self.settled(&value)]),
                        _ => item,
                    });
                }
                Some(match name {
                    "find" | "some" | "every" => {
                        made.into_iter().next().unwrap_or_else(Value::unknown)
                    }
                    _ => self.list(made),
                })
            }
            ("includes", None) if matches!(of.kind, Kind::List(_)) => {
                let item = args.first().cloned().unwrap_or_else(Value::unknown);
                Some(self.compare(Cmp::In, &item, of, at)?)
            }
            // `[].concat(claims.aud)`: a list of one, or of what is in a list.
            ("concat", None) if !self.traits.blocks && matches!(of.kind, Kind::List(_)) => {
                let mut items = Vec::new();
                let mut open = false;
                for value in std::iter::once(of).chain(args) {
                    match &value.kind {
                        Kind::List(id) => {
                            let list = self.heap.get(*id).cloned().unwrap_or_default();
                            items.extend(list.items);
                            open |= list.open;
                        }
                        _ => items.push(value.clone()),
                    }
                }
                let list = self.list(Vec::new());
                if let Kind::List(id) = list.kind
                    && let Some(object) = self.heap.get_mut(id)
                {
                    object.open = open;
                    object.extend(&items);
                }
                Some(list)
            }
            ("push", None) => {
                if let (Kind::List(id), Some(value)) = (&of.kind, args.first()) {
                    self.append(*id, value.clone(), at);
                }
                Some(Value::none())
            }
            _ => None,
        })
    }
}
