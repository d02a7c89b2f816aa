//! Routers of Go that keep what runs before their handlers: `r.Use(check)`,
//! `r.With(check).Get(…)`, `e.GET("/back", back, check)`.
//!
//! What runs before is of two kinds: a function that answers requests itself
//! and lets the next one run, and one that is given the next and returns
//! another in its stead.

use super::{Engine, Eval, callbacks::is_check};
use crate::{
    facts::Handed,
    ir::{Function, Span},
    value::{Kind, Object, Value},
};

/// The classes of such routers, and of chains of what runs before.
const ROUTERS: &[&str] = &["go.router", "echo.Echo"];
/// The member that holds what runs before.
const BEFORE: &str = "$before";
/// Methods that say which function answers.
const ROUTES: &[&str] = &[
    "get",
    "post",
    "put",
    "patch",
    "delete",
    "options",
    "head",
    "any",
    "all",
    "match",
    "add",
    "method",
    "methodfunc",
    "handle",
    "handlefunc",
    "handler",
    "handlerfunc",
    "connect",
    "trace",
];
/// More of them than this are not written before one handler.
const MOST: usize = 12;

impl Engine<'_> {
    /// A method of a router: what comes of it, where it has to do with what
    /// runs before.
    pub(super) fn routed(
        &mut self,
        of: &Value,
        name: &str,
        args: &[Value],
        at: Span,
    ) -> Eval<Option<Value>> {
        let Kind::Obj(id) = of.kind else {
            return Ok(None);
        };
        if !self.is_router(id) {
            return Ok(None);
        }
        Ok(match name {
            "Use" | "Append" | "Extend" => {
                let mut all = self.before_of(id);
                all.extend(self.in_front(args));
                self.runs_first(id, all);
                Some(of.clone())
            }
            "With" | "Group" | "Route" | "Subrouter" | "Mount" => {
                let mut all = self.before_of(id);
                all.extend(self.in_front(args).into_iter().filter(|v| !sets_up(v)));
                let inner = self.object(ROUTERS[0], Vec::new());
                if let Kind::Obj(inner) = inner.kind {
                    self.runs_first(inner, all);
                }
                if let Some(f) = args.last().filter(|v| sets_up(v)) {
                    self.call_value(f, vec![inner.clone()], Vec::new(), at)?;
                }
                Some(inner)
            }
            "Methods" | "Path" | "PathPrefix" | "Host" | "Schemes" | "Queries" | "Headers"
            | "Name" => Some(of.clone()),
            // A chain makes of a handler one that runs behind it.
            "Then" | "ThenFunc" => {
                let before = self.before_of(id);
                self.behind(before, args, at)?.pop()
            }
            _ if ROUTES.contains(&name.to_ascii_lowercase().as_str()) => {
                let before = self.before_of(id);
                let handlers = self.behind(before, args, at)?;
                if handlers.is_empty() {
                    return Ok(None);
                }
                self.handle_requests(Handed::default(), &handlers);
                Some(of.clone())
            }
            _ => None,
        })
    }

    fn is_router(&self, id: usize) -> bool {
        let class = self.heap.get(id).map(|o| &o.class);
        class.is_some_and(|c| ROUTERS.contains(&c.as_ref()))
    }

    fn before_of(&self, id: usize) -> Vec<Value> {
        let Some(router) = self.heap.get(id) else {
            return Vec::new();
        };
        match router.fields.get(BEFORE).map(|v| &v.kind) {
            Some(Kind::List(list)) => {
                let kept = self.heap.get(*list).map(|o| o.items.clone());
                kept.unwrap_or_default()
            }
            // A chain was given them when it was made.
            _ => {
                let given = ["first", "second", "third", "fourth"];
                let given: Vec<Value> = given
                    .iter()
                    .filter_map(|n| router.fields.get(*n).cloned())
                    .collect();
                self.in_front(&given)
            }
        }
    }

    fn runs_first(&mut self, id: usize, mut all: Vec<Value>) {
        all.truncate(MOST);
        let list = self.alloc(Object {
            items: all,
            ..Object::default()
        });
        if let Some(object) = self.heap.get_mut(id) {
            let list = Value::new(Kind::List(list));
            object.fields.insert(BEFORE.to_owned(), list);
        }
    }

    /// What may run before others, among what a router is given.
    fn in_front(&self, args: &[Value]) -> Vec<Value> {
        let mut all = Vec::new();
        for value in args {
            match &value.kind {
                Kind::Func(_) => all.push(value.clone()),
                // Not seen, but its name says what it may look at.
                Kind::Ext(path) if path.starts_with("own:") && is_check(path) => {
                    all.push(value.clone());
                }
                Kind::List(id) => {
                    let items = self.heap.get(*id).map(|o| o.items.clone());
                    all.extend(items.unwrap_or_default());
                }
                _ => {}
            }
        }
        all.truncate(MOST);
        all
    }

    /// Those that answer, the last of them behind all that is in front.
    fn behind(&mut self, mut before: Vec<Value>, args: &[Value], at: Span) -> Eval<Vec<Value>> {
        let (wrappers, mut direct): (Vec<_>, Vec<_>) =
            self.in_front(args).into_iter().partition(wraps);
        let Some(mut last) = direct.pop() else {
            return Ok(Vec::new());
        };
        before.extend(wrappers);
        let (wrappers, first): (Vec<_>, Vec<_>) = before.into_iter().partition(wraps);
        for wrapper in wrappers.iter().rev() {
            let made = self.call_value(wrapper, vec![last.clone()], Vec::new(), at)?;
            if matches!(made.kind, Kind::Func(_)) {
                last = made;
            }
        }
        let mut all = first;
        all.append(&mut direct);
        all.push(last);
        Ok(all)
    }
}

/// Whether a function is given the next handler and returns one.
fn wraps(value: &Value) -> bool {
    let given = |f: &Function| match f.params.as_slice() {
        [only] => only
            .annotation
            .as_deref()
            .is_some_and(|kind| kind.contains("Handler") || kind.contains("http.ResponseWriter")),
        _ => false,
    };
    matches!(&value.kind, Kind::Func(f) if given(&f.function))
}

/// Whether a function is given a router, to put routes on it.
fn sets_up(value: &Value) -> bool {
    let given = |f: &Function| match f.params.as_slice() {
        [only] => only
            .annotation
            .as_deref()
            .is_some_and(|kind| ["Router", "Mux", "Group"].iter().any(|w| kind.ends_with(w))),
        _ => false,
    };
    matches!(&value.kind, Kind::Func(f) if given(&f.function))
}
