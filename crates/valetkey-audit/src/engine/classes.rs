//! Classes whose body is a program of its own, as in Ruby: it calls
//! functions of the framework, and may be opened again.

use std::{collections::BTreeMap, rc::Rc, sync::Arc};

use super::{Engine, Eval, Frame, exec::answering};
use crate::{
    ir::{Call, Class, ExprKind, Function, Span, StmtKind},
    value::{ClassValue, Closure, Kind, Object, Value},
};

/// Before the names of methods that a class has itself.
pub(super) const OWN: &str = "self.";

/// A class with what another opening of it adds.
pub(super) fn reopened(old: &Value, new: &Value) -> Option<Value> {
    let (Kind::Class(old), Kind::Class(new)) = (&old.kind, &new.kind) else {
        return None;
    };
    if Rc::ptr_eq(old, new) {
        return None;
    }
    let mut bases = new.bases.clone();
    bases.extend(old.bases.iter().cloned());
    let mut members = old.members.clone();
    for (name, value) in &new.members {
        let merged = members.get(name).and_then(|old| reopened(old, value));
        members.insert(name.clone(), merged.unwrap_or_else(|| value.clone()));
    }
    Some(Value::new(Kind::Class(Rc::new(ClassValue {
        bases,
        members,
        file: new.file,
        name: new.name.clone(),
    }))))
}

/// The key of a function among the members: a class and its objects may have
/// methods of one name.
fn called(function: &Function) -> String {
    let own = function
        .decorators
        .iter()
        .any(|d| matches!(&d.kind, ExprKind::Name(n) if n == "staticmethod"));
    if own {
        format!("{OWN}{}", function.name)
    } else {
        function.name.clone()
    }
}

impl Engine<'_> {
    /// `A.call(x)`, where only the objects of `A` have that method, and a base
    /// or a mixin that is not seen makes it `A.new(x).call`.
    pub(super) fn is_service(&mut self, class: &Rc<ClassValue>, name: &str) -> bool {
        const NAMES: &[&str] = &[
            "call", "call!", "perform", "run", "run!", "execute", "process",
        ];
        self.traits.own_name.is_some()
            && NAMES.contains(&name)
            && self
                .class_member(class, &format!("{OWN}{name}"), None, 0)
                .is_none()
            && self.class_member(class, name, None, 0).is_some()
    }

    /// Makes the object, and calls its method.
    pub(super) fn serve(
        &mut self,
        class: &Rc<ClassValue>,
        name: &str,
        args: Vec<Value>,
        named: Vec<(String, Value)>,
        at: Span,
    ) -> Eval<Value> {
        let takes = match self.class_member(class, name, None, 0).map(|m| m.kind) {
            Some(Kind::Func(f)) => f.function.params.iter().any(|p| p.name != "&"),
            _ => false,
        };
        let ((args, named), (own, by_name)) = if takes {
            ((Vec::new(), Vec::new()), (args, named))
        } else {
            ((args, named), (Vec::new(), Vec::new()))
        };
        let object = self.instantiate(class, args, named, at)?;
        match self.class_member(class, name, Some(&object), 0) {
            Some(method) => self.call_value(&method, own, by_name, at),
            None => Ok(Value::unknown()),
        }
    }

    /// A method that a class has itself, or else one of its objects'.
    pub(super) fn of_class(&mut self, class: &Rc<ClassValue>, name: &str) -> Option<Value> {
        let mut key = std::mem::take(&mut self.lower);
        key.clear();
        key.push_str(OWN);
        key.push_str(name);
        let own = self.class_member(class, &key, None, 0);
        self.lower = key;
        let member = own.or_else(|| self.class_member(class, name, None, 0))?;
        // What a base has is called on this class: `new` makes one of these.
        match &member.kind {
            Kind::Func(f) if f.class.as_ref().is_some_and(|c| !Rc::ptr_eq(c, class)) => {
                Some(Value::new(Kind::Func(Rc::new(Closure {
                    function: f.function.clone(),
                    file: f.file,
                    around: f.around.clone(),
                    receiver: f.receiver.clone(),
                    class: Some(class.clone()),
                    home: f.home,
                }))))
            }
            _ => Some(member),
        }
    }

    pub(super) fn class_run(&mut self, class: &Arc<Class>) -> Eval<Value> {
        let mut bases = Vec::new();
        for base in &class.bases {
            bases.push(self.eval(base)?);
        }
        let file = self.file();
        // What it was before.
        let mut members = match self.variable(&class.name, Span::default()).kind {
            Kind::Class(old) => {
                bases.extend(old.bases.iter().cloned());
                old.members.clone()
            }
            _ => BTreeMap::new(),
        };
        let functions = |around: Option<Rc<crate::value::Scope>>| {
            class.body.iter().filter_map(move |s| match &s.kind {
                StmtKind::Function(function) => Some((
                    called(function),
                    Value::new(Kind::Func(Rc::new(Closure {
                        function: function.clone(),
                        file,
                        around: around.clone(),
                        receiver: None,
                        class: None,
                        home: 0,
                    }))),
                )),
                _ => None,
            })
        };
        // Its constants can be seen from within.
        let constants: BTreeMap<String, Value> = members
            .iter()
            .filter(|(name, _)| name.starts_with(char::is_uppercase))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let outer = self.surroundings();
        members.extend(functions(outer.clone()));
        let known = |bases: &[Value], members: &BTreeMap<String, Value>| {
            Rc::new(ClassValue {
                bases: bases.to_vec(),
                members: members.clone(),
                file,
                name: class.name.clone(),
            })
        };
        self.calls += 1;
        self.frames.push(Frame {
            file,
            locals: Rc::new(constants),
            around: outer,
            class: Some(known(&bases, &members)),
            context: self.context(),
            id: self.calls,
            home: self.calls,
            ..Frame::default()
        });
        let mut later = Vec::new();
        for statement in &class.body {
            match &statement.kind {
                StmtKind::Function(_) => {}
                StmtKind::Assign { targets, value } => {
                    let made = match self.eval(value) {
                        Ok(made) => made,
                        Err(super::Unwind::Stop) => break,
                        Err(_) => Value::unknown(),
                    };
                    for target in targets {
                        if let ExprKind::Name(name) = &target.kind {
                            self.named(name, &made, target.span);
                            if name.starts_with(['@', '$']) {
                                self.set_shared(name, made.clone());
                                continue;
                            }
                            members.insert(name.clone(), made.clone());
                            if let Some(frame) = self.frames.last_mut() {
                                Rc::make_mut(&mut frame.locals).insert(name.clone(), made.clone());
                            }
                        } else {
                            self.assign(target, made.clone())?;
                        }
                    }
                }
                StmtKind::Class(inner) => {
                    let value = self.class_run(inner)?;
                    members.insert(inner.name.clone(), value.clone());
                    if let Some(frame) = self.frames.last_mut() {
                        Rc::make_mut(&mut frame.locals).insert(inner.name.clone(), value);
                    }
                }
                _ => later.push(statement),
            }
        }
        let around = self.surroundings();
        members.extend(functions(around));
        let value = known(&bases, &members);
        if let Some(frame) = self.frames.last_mut() {
            frame.class = Some(value.clone());
        }
        for statement in later {
            self.passed_over(statement)?;
        }
        self.frames.pop();
        self.learn_members(&value, class);
        Ok(Value::new(Kind::Class(value)))
    }

    /// What fails while a class is defined does not end the file.
    fn passed_over(&mut self, statement: &crate::ir::Stmt) -> Eval<()> {
        match self.one(statement) {
            Err(super::Unwind::Stop) => Err(super::Unwind::Stop),
            _ => Ok(()),
        }
    }

    /// A variable that all requests share.
    fn set_shared(&mut self, name: &str, value: Value) {
        let file = self.file();
        if let Some(Some(module)) = self.modules.get_mut(file) {
            Rc::make_mut(module).insert(name.to_owned(), value);
        }
    }

    pub(super) fn instantiate(
        &mut self,
        class: &Rc<ClassValue>,
        args: Vec<Value>,
        named: Vec<(String, Value)>,
        at: Span,
    ) -> Eval<Value> {
        let mut named = named;
        if args.is_empty()
            && let Some(Kind::Func(init)) = class.members.get("__init__").map(|m| &m.kind)
        {
            let init = init.function.clone();
            named.extend(self.by_type(&init, at));
        }
        let library = class.bases.iter().find_map(|b| match &b.kind {
            Kind::Ext(path) => Some(path.clone()),
            _ => None,
        });
        let id = self.alloc(Object {
            class: library.clone().unwrap_or_default(),
            app_class: Some(class.clone()),
            fields: named.iter().cloned().collect(),
            items: Vec::new(),
            open: true,
        });
        let object = Value::new(Kind::Obj(id));
        // The parts of a tuple are known by their numbers.
        if self.traits.typed
            && let Some(own) = self.heap.get_mut(id)
        {
            let parts = args.iter().enumerate();
            let parts = parts.map(|(i, v)| (i.to_string(), v.clone()));
            own.fields.extend(parts);
        }
        // Without a constructor of its own, what is given by name is set.
        if self.traits.bare_calls
            && let Some(own) = self.heap.get_mut(id)
        {
            let set = named.iter().map(|(k, v)| (format!("@{k}"), v.clone()));
            own.fields.extend(set);
        }
        if let Some(init) = self.class_member(class, "__init__", Some(&object), 0)
            && let Kind::Func(closure) = &init.kind
        {
            if let Some(object) = self.heap.get_mut(id) {
                object.fields.clear();
            }
            self.inline(&closure.clone(), args, named, at)?;
        } else if let Some(path) = library {
            let path = self.maker_of(&path);
            let made = self.call_ext(&path, args, named, at)?;
            self.inherit(&made, id);
        }
        Ok(object)
    }

    /// What the library keeps of its object is kept in the app's own.
    pub(super) fn inherit(&mut self, made: &Value, own: usize) {
        let Kind::Obj(from) = made.kind else { return };
        let from = self.heap.get(from).cloned().unwrap_or_default();
        if let Some(own) = self.heap.get_mut(own) {
            own.fields.extend(from.fields);
            own.class = from.class;
        }
    }

    /// `super().method(…)`.
    pub(super) fn parent(&mut self, call: &Call, at: Span) -> Eval<Option<Value>> {
        let ExprKind::Attr(of, name) = &call.func.kind else {
            return Ok(None);
        };
        let ExprKind::Call(inner) = &of.kind else {
            return Ok(None);
        };
        if !matches!(&inner.func.kind, ExprKind::Name(n) if n == "super") {
            return Ok(None);
        }
        let Some(frame) = self.frames.last() else {
            return Ok(None);
        };
        let own = ["self", "this"].iter().find_map(|n| frame.locals.get(*n));
        let (Some(class), receiver) = (frame.class.clone(), own.cloned()) else {
            return Ok(None);
        };
        let (args, named) = self.arguments(call)?;
        for base in &class.bases {
            match &base.kind {
                Kind::Class(base) => {
                    if let Some(method) = self.class_member(base, name, receiver.as_ref(), 0) {
                        return self.call_value(&method, args, named, at).map(Some);
                    }
                }
                // What the library keeps of its client is kept here.
                Kind::Ext(path) if name == "__init__" => {
                    let path = path.clone();
                    let made = self.call_ext(&path, args.clone(), named.clone(), at)?;
                    if let Some(Kind::Obj(to)) = receiver.as_ref().map(|r| r.kind.clone()) {
                        self.inherit(&made, to);
                    }
                    return Ok(Some(Value::none()));
                }
                Kind::Ext(path) => {
                    let path = path.clone();
                    if let Some(is) = self.libraries.attr(&path, name) {
                        return Ok(Some(self.known_attr(is, at)));
                    }
                    if let Some(model) = self.libraries.method(&path, name) {
                        return self.apply(model, receiver, name, args, named, at).map(Some);
                    }
                }
                _ => {}
            }
        }
        Ok(Some(Value::unknown()))
    }

    /// The one object of a Rack middleware, which answers all requests.
    fn middleware(&mut self, class: &Rc<ClassValue>) -> Option<Value> {
        let params = |name: &str| match class.members.get(name).map(|m| &m.kind) {
            Some(Kind::Func(f)) => Some(&f.function.params),
            _ => None,
        };
        let first = params("__init__")?.first()?;
        if first.name != "app" || params("call")?.len() != 1 || !self.middlewares_are_shared() {
            return None;
        }
        let shown = self.events.len();
        let made = self.instantiate(class, Vec::new(), Vec::new(), Span::default());
        self.events.truncate(shown);
        made.ok()
    }

    fn middlewares_are_shared(&self) -> bool {
        self.traits.own_name.is_some() && self.mode == super::Mode::Load
    }

    fn learn_members(&mut self, class: &Rc<ClassValue>, written: &Class) {
        let handler = self.is_handler(class, 0);
        let middleware = self.middleware(class);
        for statement in &written.body {
            let StmtKind::Function(function) = &statement.kind else {
                continue;
            };
            let Some(Kind::Func(f)) = class.members.get(&called(function)).map(|m| &m.kind) else {
                continue;
            };
            let marked = |word: &str| {
                let mut all = function.decorators.iter();
                all.any(|d| matches!(&d.kind, ExprKind::Name(n) if n == word))
            };
            let verbs = &self.libraries.verbs;
            let verb = verbs.contains(&function.name) || verbs.iter().any(|v| v == "*");
            let hidden = marked("private") || marked("staticmethod") || function.name == "__init__";
            let route = handler && verb && !hidden;
            let closure = Rc::new(Closure {
                function: f.function.clone(),
                file: f.file,
                around: f.around.clone(),
                receiver: middleware.clone().filter(|_| function.name == "call"),
                class: Some(class.clone()),
                home: 0,
            });
            let mut handed = answering();
            handed.answers = false;
            self.learn(&closure, route.then_some(handed));
        }
    }
}
