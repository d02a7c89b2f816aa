//! What a framework runs before the functions that answer requests.

use std::rc::Rc;

use super::{Engine, Eval, Mode, args::Args};
use crate::{
    facts::Entry,
    ir::Span,
    libraries::CallModel,
    value::{ClassValue, Closure, FileId, Kind, Value},
};

/// A function, or the name of a method, that runs before others.
#[derive(Debug)]
pub(super) struct Filter {
    class: Option<Rc<ClassValue>>,
    file: FileId,
    what: What,
    only: Vec<String>,
    except: Vec<String>,
    /// It is taken away again.
    skip: bool,
}

#[derive(Debug, Clone)]
enum What {
    Function(Value),
    Method(String),
}

impl Engine<'_> {
    /// Some functions run before others from now on.
    pub(super) fn runs_before(&mut self, model: &'static CallModel, args: &Args) {
        if self.traits.typed {
            self.layered(args);
            return;
        }
        // A block that says it may be entered again.
        if self.mode != Mode::Load {
            return;
        }
        let texts = |engine: &Self, name: &str| -> Vec<String> {
            let Some(value) = args.get(name) else {
                return Vec::new();
            };
            let items = match &value.kind {
                Kind::List(id) => engine
                    .heap
                    .get(*id)
                    .map(|o| o.items.clone())
                    .unwrap_or_default(),
                _ => vec![value.clone()],
            };
            let texts = items.iter().filter_map(Value::as_str);
            texts.map(str::to_owned).collect()
        };
        let (only, except) = (texts(self, "only"), texts(self, "except"));
        let (functions, names) = self.named_functions(args);
        // A text before a block is the path that it is for.
        let by_name = functions.is_empty();
        let all = functions
            .into_iter()
            .map(What::Function)
            .chain(names.into_iter().filter(|_| by_name).map(What::Method));
        let class = self.frames.last().and_then(|f| f.class.clone());
        for what in all {
            self.filters.push(Filter {
                class: class.clone(),
                file: self.file(),
                what,
                only: only.clone(),
                except: except.clone(),
                skip: model.facts.contains_key("skip"),
            });
        }
    }

    /// Layers of a router: each once, however often what sets it up is run.
    fn layered(&mut self, args: &Args) {
        for value in self.named_functions(args).0 {
            let Kind::Func(new) = &value.kind else {
                continue;
            };
            let (file, at) = (new.file, new.function.span.at);
            let known = self.filters.iter().any(|f| match &f.what {
                What::Function(v) => matches!(&v.kind, Kind::Func(c)
                    if c.file == file && c.function.span.at == at),
                What::Method(_) => false,
            });
            if !known {
                self.filters.push(Filter {
                    class: None,
                    file: self.file(),
                    what: What::Function(value.clone()),
                    only: Vec::new(),
                    except: Vec::new(),
                    skip: false,
                });
            }
        }
    }

    /// Whether a layer lets a request through: it calls the next, or gives an
    /// answer that is no error.
    fn let_through(&mut self, layer: &Closure, value: &Value, at: Span) -> Eval<bool> {
        let next: fn(&str) -> bool = |a| a == "Next" || a.starts_with("Next<");
        let typed = |is: fn(&str) -> bool| {
            let mut params = layer.function.params.iter();
            params.any(|p| p.annotation.as_deref().is_some_and(is))
        };
        let goes_on = typed(|a| a == "FlowCtrl" || a.ends_with(" FlowCtrl"));
        let asks = goes_on || typed(next);
        self.went_on = goes_on;
        let made = self.made_from_request(value, at)?;
        Ok(match made.kind {
            Kind::Outcome(None) => false,
            _ => self.went_on || !asks,
        })
    }

    /// Runs what comes before a function; whether that may run then.
    pub(super) fn filtered(
        &mut self,
        closure: &Rc<Closure>,
        receiver: Option<&Value>,
        entry: &Entry,
    ) -> Eval<bool> {
        if self.filters.is_empty() || !entry.route {
            return Ok(true);
        }
        let mut found: Vec<What> = Vec::new();
        for filter in &self.filters {
            let of_class = match (&filter.class, &closure.class) {
                (Some(class), Some(own)) => descends(own, class, 0),
                (None, _) if self.traits.typed => filter.file == closure.file,
                (None, None) => filter.file == closure.file,
                _ => false,
            };
            let named = |list: &[String]| list.contains(&closure.function.name);
            if !of_class || !filter.only.is_empty() && !named(&filter.only) || named(&filter.except)
            {
                continue;
            }
            match &filter.what {
                What::Method(name) if filter.skip => {
                    found.retain(|w| !matches!(w, What::Method(n) if n == name));
                }
                what => found.push(what.clone()),
            }
        }
        for what in found {
            let value = match what {
                What::Function(function) => function,
                What::Method(name) => {
                    let class = closure.class.as_ref();
                    class
                        .and_then(|class| self.class_member(class, &name, receiver, 0))
                        .unwrap_or_else(|| Value::ext(&format!("own:{name}")))
                }
            };
            match &value.kind {
                Kind::Func(own) if self.traits.typed => {
                    let own = own.clone();
                    if !self.let_through(&own, &value, entry.span)? {
                        return Ok(false);
                    }
                }
                Kind::Func(own) => {
                    let bound = Rc::new(Closure {
                        function: own.function.clone(),
                        file: own.file,
                        around: own.around.clone(),
                        receiver: receiver.cloned(),
                        class: own.class.clone(),
                        home: own.home,
                    });
                    self.has_answered = false;
                    self.inline(&bound, Vec::new(), Vec::new(), entry.span)?;
                    if self.has_answered {
                        return Ok(false);
                    }
                }
                // Not seen: it may look at anything that its name says.
                Kind::Ext(path) if super::callbacks::is_check(path) => self.notes.opaque = true,
                _ => {}
            }
        }
        Ok(true)
    }

    /// Whether a function runs before others, and answers nothing by itself.
    pub(super) fn is_filter(&self, entry: &Entry) -> bool {
        let Kind::Func(closure) = &entry.function.kind else {
            return false;
        };
        self.filters.iter().any(|filter| match &filter.what {
            What::Method(name) => {
                *name == entry.name
                    && match (&filter.class, &closure.class) {
                        (Some(class), Some(own)) => {
                            descends(class, own, 0) || descends(own, class, 0)
                        }
                        _ => false,
                    }
            }
            What::Function(value) => matches!(&value.kind, Kind::Func(f)
                if f.file == closure.file && f.function.span.at == closure.function.span.at),
        })
    }
}

/// Whether a class is another one, or comes from it.
fn descends(class: &Rc<ClassValue>, from: &Rc<ClassValue>, depth: usize) -> bool {
    Rc::ptr_eq(class, from)
        || depth < 6
            && class.bases.iter().any(|base| match &base.kind {
                Kind::Class(base) => descends(base, from, depth + 1),
                _ => false,
            })
}
