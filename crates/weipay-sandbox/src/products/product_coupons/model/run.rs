//! The handlers on a database, asked step by step, and compared with the model.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Value, json};

use super::step::{Asked, Caller, Number, Step, Target, step};
use super::{
    BY_DAY, BY_USER, Coupon as Known, End, INVALID, Model, OF_BUNDLE, OWN, SEQUENTIAL, STOCKS, State, TOTAL,
    Taken, UPLOAD, has_stores, own_code, product_of, uploaded_code,
};
use crate::clock;
use crate::entropy::Entropy;
use crate::merchants::Account;
use crate::products::HandlerError;
use crate::products::product_coupons::coupon::{self, CouponEnd};
use crate::products::product_coupons::fixtures::{MCHID, NOW, bundle_request, owner, product_request};
use crate::products::product_coupons::stock::ProductStockState;
use crate::products::product_coupons::{control, tokens};
use crate::products::testing::random_steps::{Steps, live_randomly, meant};
use crate::products::testing::world::{APPID, World, merchant, openid};
use crate::response::Refusal;
use crate::store::StoreError;

const END: &str = "2026-08-20T23:59:59+08:00";
const BELOW: &str = "/v3/marketing/partner/product-coupon";

/// A request under a number, and what came back.
struct First {
    number: String,
    request: (String, Value),
    response: Value,
}

/// A partner with the stocks of a brand, and the model of them.
struct Life {
    world: World<'static>,
    partner: Account,
    other_partner: Account,
    entropy: Entropy,
    /// How many numbers were taken.
    numbers: u64,
    model: Model,
    products: Vec<String>,
    stocks: Vec<String>,
    stock_bundle: String,
    /// The numbers of the users' bundles, by their first coupon.
    bundles: HashMap<usize, String>,
    tokens: Vec<String>,
    firsts: HashMap<(&'static str, Caller), Vec<First>>,
}

impl Life {
    fn new() -> Self {
        let mut world = World::new();
        world.now = NOW;
        let mut life = Self {
            world,
            partner: merchant(MCHID, &[]),
            other_partner: merchant("1900000999", &[]),
            entropy: Entropy::seeded(2),
            numbers: 0,
            model: Model::new(NOW, clock::parse(END).unwrap()),
            products: Vec::new(),
            stocks: Vec::new(),
            stock_bundle: String::new(),
            bundles: HashMap::new(),
            tokens: Vec::new(),
            firsts: HashMap::new(),
        };
        for mode in ["WECHATPAY", "UPLOAD", "API_ASSIGN"] {
            let mut request = Value::Object(product_request());
            dress(&mut request["stock"], "single_usage_rule", life.stocks.len());
            request["stock"]["coupon_code_mode"] = json!(mode);
            if life.stocks.is_empty() {
                life.create(request);
                continue;
            }
            let body = json!({
                "brand_id": owner().brand_id, "out_request_no": format!("stock-{mode}"), "stock": request["stock"],
            });
            let target = format!("/product-coupons/{}/stocks", life.products[0]);
            let added = life.post(Caller::Partner, &target, &body).unwrap();
            life.stocks.push(added["stock_id"].as_str().unwrap().to_owned());
        }
        let mut request = Value::Object(product_request());
        let members = request.as_object_mut().unwrap();
        let discount = members.remove("single_usage_info").unwrap();
        let mut rule = members["stock"].as_object_mut().unwrap().remove("single_usage_rule").unwrap();
        rule["normal_coupon_list"] = json!([discount["normal_coupon"]]);
        request["stock"]["sequential_usage_rule"] = rule;
        request["usage_mode"] = json!("SEQUENTIAL");
        request["sequential_usage_info"] =
            json!({ "type": "EQUAL", "count": 3, "available_days": 4, "interval_days": 1 });
        dress(&mut request["stock"], "sequential_usage_rule", SEQUENTIAL);
        life.create(request);
        let mut request = Value::Object(bundle_request());
        request["progressive_bundle_usage_info"]["interval_days"] = json!(1);
        dress(&mut request["stock_bundle"], "progressive_bundle_usage_rule", OF_BUNDLE.start);
        life.create(request);
        life
    }

    fn create(&mut self, mut request: Value) {
        request["out_request_no"] = json!(format!("product-{}", self.products.len()));
        let created = self.post(Caller::Partner, "/product-coupons", &request).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        self.products.push(text(&created["product_coupon_id"]));
        if let Some(stocks) = created["stock_bundle"]["stock_list"].as_array() {
            self.stocks.extend(stocks.iter().map(|stock| text(&stock["stock_id"])));
            self.stock_bundle = text(&created["stock_bundle"]["stock_bundle_id"]);
        } else {
            self.stocks.push(text(&created["stock"]["stock_id"]));
        }
    }

    fn post(&self, caller: Caller, target: &str, body: &Value) -> Result<Value, Refusal> {
        let account = if caller == Caller::OtherPartner { &self.other_partner } else { &self.partner };
        self.world.ask(account, "POST", &format!("{BELOW}{target}"), body)
    }

    fn get(&self, target: &str) -> Value {
        let mark = if target.contains('?') { '&' } else { '?' };
        let target = format!("{BELOW}{target}{mark}brand_id={}", owner().brand_id);
        self.world.ask(&self.partner, "GET", &target, &Value::Null).unwrap()
    }

    fn take(&mut self, step: &Step) {
        match *step {
            Step::Ask { asked, caller, number } => self.ask(asked, caller, number),
            Step::Take { token, user } => self.take_token(token, user),
            Step::Stores { target, stores, associates } => self.change_stores(target, stores, associates),
            Step::BrandSends { user } => {
                let (stock, now) = (&self.stocks[UPLOAD], self.world.now);
                let sent: Result<Option<String>, HandlerError> = self.world.act(|tx| {
                    control::send_of_brand(tx, &self.entropy, stock, &openid(user), |_| APPID.to_owned(), now)
                });
                let sent = sent.map_err(|error| match error {
                    HandlerError::Refused(refusal) => refusal.code,
                    HandlerError::Failed(error) => panic!("{error}"),
                });
                assert_eq!(sent.as_ref().map(drop).map_err(|code| *code), self.model.brand_sends(user));
                if let Ok(Some(code)) = sent {
                    self.numbers += 1;
                    let number = format!("of the brand {}", self.numbers);
                    self.model.sent(Target::Stock(UPLOAD), user, &number, &[code]);
                }
            }
            Step::SetAddress => {
                let body = json!({ "notify_url": "https://example.com/notify" });
                self.post(Caller::Partner, "/notify-configs", &body).unwrap();
                self.model.set_address();
            }
            Step::UserDeletes { coupon } => {
                let deleted = self.model.coupons.get(coupon).is_some_and(|known| {
                    let (id, now) = (&self.stocks[known.stock], self.world.now);
                    self.world.act(|tx| control::take_out(tx, id, &known.code, now)).unwrap()
                });
                assert_eq!(deleted, self.model.delete(coupon));
            }
            Step::SetState { stock, state } => {
                let to = match state {
                    State::Auditing => ProductStockState::Auditing,
                    State::Sending => ProductStockState::Sending,
                    State::Paused => ProductStockState::Paused,
                    State::Stopped => ProductStockState::Stopped,
                };
                assert!(self.world.act(|tx| control::set_state(tx, &self.stocks[stock], to)).unwrap());
                self.model.set_state(stock, state);
            }
            Step::Pass { seconds, is_late } => {
                self.model.pass(seconds, is_late);
                self.world.pass(seconds, is_late);
            }
            Step::Restart => self.world.restart(),
        }
    }

    /// The same step, mostly of a coupon in a state that fits it.
    fn meant(&self, asked: Asked) -> Asked {
        let of = |said: usize, fits: &dyn Fn(&Known) -> bool| {
            let coupons = self.model.coupons.iter().enumerate();
            meant(said, coupons.filter(|(_, known)| fits(known)).map(|(place, _)| place))
        };
        let is = |state: &'static str| move |known: &Known| known.state(self.world.now) == state;
        match asked {
            Asked::Confirm { coupon } => Asked::Confirm { coupon: of(coupon, &is("CONFIRMING")) },
            Asked::Use { coupon, store, index, orders } => {
                Asked::Use { coupon: of(coupon, &is("EFFECTIVE")), store, index, orders }
            }
            Asked::Return { coupon, index } => {
                Asked::Return { coupon: of(coupon, &|known| !known.uses.is_empty()), index }
            }
            other => other,
        }
    }

    fn ask(&mut self, asked: Asked, caller: Caller, number: Number) {
        let asked = self.meant(asked);
        let scope = (operation(asked), caller);
        let firsts = self.firsts.get(&scope).filter(|firsts| !firsts.is_empty());
        let known = match (number, firsts) {
            (Number::Known(index), Some(firsts)) => Some(index % firsts.len()),
            _ => None,
        };
        let number = match (known, number, asked) {
            (Some(index), ..) => self.firsts[&scope][index].number.clone(),
            // A send may have the number of an offer.
            (None, Number::Known(index), Asked::Send { .. }) if !self.model.offers.is_empty() => {
                self.model.offers[index % self.model.offers.len()].number.clone()
            }
            _ => self.fresh_number(),
        };
        let (target, body) = self.request(asked, caller, &number);
        let response = self.post(caller, &target, &body);
        let request = (target, body);
        if let Some(first) = known.map(|index| &self.firsts[&scope][index]) {
            match response {
                Ok(response) => assert_eq!((&first.request, &first.response), (&request, &response)),
                Err(refusal) => {
                    assert_ne!(first.request, request, "a repeat was refused: {refusal:?}");
                    assert_eq!((refusal.status, refusal.code), (400, INVALID));
                }
            }
            return;
        }
        let expected = self.model.ask(asked, caller, &number);
        assert_eq!(response.as_ref().map(drop).map_err(|refusal| refusal.code), expected, "{response:?}");
        if let Ok(response) = response {
            self.learn(asked, &number, &response);
            self.firsts.entry(scope).or_default().push(First { number, request, response });
        }
    }

    fn fresh_number(&mut self) -> String {
        self.numbers += 1;
        format!("number-{}", self.numbers)
    }

    /// What only the platform knows before it responds.
    fn learn(&mut self, asked: Asked, number: &str, response: &Value) {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        match asked {
            Asked::Send { target: Target::Stock(stock), user, code } => {
                let sent = text(&response["coupon_code"]);
                assert!(stock != OWN || code.map(own_code).as_ref() == Some(&sent));
                self.model.sent(Target::Stock(stock), user, number, &[sent]);
            }
            Asked::Send { target: Target::Bundle, user, .. } => {
                let list = response["user_product_coupon_list"].as_array().unwrap();
                let codes: Vec<_> = list.iter().map(|coupon| text(&coupon["coupon_code"])).collect();
                self.bundles.insert(self.model.coupons.len(), text(&response["user_coupon_bundle_id"]));
                self.model.sent(Target::Bundle, user, number, &codes);
            }
            Asked::Offer { .. } => self.tokens.push(text(&response["token"])),
            _ => {}
        }
    }

    fn take_token(&mut self, token: usize, user: usize) {
        let (word, openid, now) = (self.tokens.get(token), openid(user), self.world.now);
        let word = word.map_or("no such token", String::as_str);
        let taken: Result<_, HandlerError> =
            self.world.act(|tx| tokens::take(tx, &self.entropy, (word, &openid), now));
        let taken = taken.unwrap().ok();
        let codes = taken.as_ref().map(|taken| taken.coupon_codes.clone()).unwrap_or_default();
        let first = self.model.coupons.len();
        let expected = match self.model.take(token, user, &codes) {
            Taken::Sent(codes) => Some((codes, false)),
            Taken::Had(codes) => Some((codes, true)),
            Taken::Nothing => None,
        };
        assert_eq!(taken.map(|taken| (taken.coupon_codes, taken.had_already)), expected);
        if self.model.coupons.get(first).is_some_and(|coupon| coupon.bundle.is_some()) {
            let shown = self.coupon(&self.model.coupons[first]);
            let id = &shown["user_product_coupon_bundle_info"]["user_coupon_bundle_id"];
            self.bundles.insert(first, id.as_str().unwrap().to_owned());
        }
    }

    fn change_stores(&mut self, target: Target, stores: [u8; 2], associates: bool) {
        let list = stores.map(|store| json!({ "store_id": store.to_string() }));
        let body = json!({ "brand_id": owner().brand_id, "store_list": list });
        let verb = if associates { "associate-stores" } else { "disassociate-stores" };
        let changed = self.post(Caller::Partner, &format!("{}/{verb}", self.path(target)), &body);
        let changed = changed.map_err(|refusal| refusal.code).map(|changed| {
            let done = changed["success_store_list"].as_array().unwrap().iter();
            done.map(|store| store["store_id"].as_str().unwrap().parse().unwrap()).collect::<BTreeSet<u8>>()
        });
        assert_eq!(changed, self.model.change_stores(target, stores, associates));
    }

    fn path(&self, target: Target) -> String {
        match target {
            Target::Stock(stock) => {
                format!("/product-coupons/{}/stocks/{}", self.products[product_of(stock)], self.stocks[stock])
            }
            Target::Bundle => {
                format!("/product-coupons/{}/stock-bundles/{}", self.products[2], self.stock_bundle)
            }
        }
    }

    /// The path of a coupon and what names it.
    fn named(&self, coupon: usize) -> (String, Value) {
        let (stock, code, user) = match self.model.coupons.get(coupon) {
            Some(known) => (known.stock, &*known.code, known.user),
            None => (0, "unknown", 0),
        };
        let (product, id) = (&self.products[product_of(stock)], &self.stocks[stock]);
        let body = json!({ "product_coupon_id": product, "stock_id": id, "appid": APPID });
        (format!("/users/{}/coupons/{code}", openid(user)), body)
    }

    fn request(&self, asked: Asked, caller: Caller, number: &str) -> (String, Value) {
        let (target, mut body) = match asked {
            Asked::Send { target, user, code } | Asked::Offer { target, user, code } => {
                let offers = matches!(asked, Asked::Offer { .. });
                let (product, name, id, below) = match (target, offers) {
                    (Target::Stock(stock), false) => {
                        (product_of(stock), "stock_id", &self.stocks[stock], "coupons")
                    }
                    (Target::Stock(stock), true) => {
                        (product_of(stock), "stock_id", &self.stocks[stock], "pre-send-coupon")
                    }
                    (Target::Bundle, false) => (2, "stock_bundle_id", &self.stock_bundle, "coupon-bundles"),
                    (Target::Bundle, true) => {
                        (2, "stock_bundle_id", &self.stock_bundle, "pre-send-coupon-bundle")
                    }
                };
                let mut body =
                    json!({ "product_coupon_id": self.products[product], name: id, "appid": APPID });
                if let Some(code) = code.filter(|_| target != Target::Bundle) {
                    body["coupon_code"] = json!(own_code(code));
                }
                (format!("/users/{}/{below}", openid(user)), body)
            }
            Asked::Confirm { coupon } => {
                let (path, body) = self.named(coupon);
                (format!("{path}/confirm"), body)
            }
            Asked::Use { coupon, store, index, orders } => {
                let (path, mut body) = self.named(coupon);
                body["use_time"] = json!("2026-08-15T12:00:00+08:00");
                if orders > 0 {
                    body["associated_order_info"] = json!({ "out_trade_no": "order-1" });
                }
                if orders > 1 {
                    body["associated_pay_score_order_info"] = json!({ "out_order_no": "order-1" });
                }
                if let Some(store) = store {
                    body["store_id"] = json!(store.to_string());
                }
                if let Some(index) = index {
                    body["sequential_coupon_index"] = json!(index);
                }
                (format!("{path}/use"), body)
            }
            Asked::Return { coupon, index } => {
                let (path, mut body) = self.named(coupon);
                if let Some(index) = index {
                    body["sequential_coupon_index"] = json!(index);
                }
                (format!("{path}/return"), body)
            }
            Asked::Deactivate { coupon } => {
                let (path, mut body) = self.named(coupon);
                body["deactivate_reason"] = json!("a");
                (format!("{path}/deactivate"), body)
            }
            Asked::DeactivateBundle { coupon } => {
                let known = self.model.coupons.get(coupon);
                let bundle = known.and_then(|known| self.bundles.get(&known.bundle?));
                let bundle = bundle.map_or("unknown", String::as_str);
                let body = json!({
                    "product_coupon_id": self.products[2], "stock_bundle_id": self.stock_bundle, "appid": APPID,
                    "deactivate_reason": "a",
                });
                let user = openid(known.map_or(0, |known| known.user));
                (format!("/users/{user}/coupon-bundles/{bundle}/deactivate"), body)
            }
            Asked::EndStock { stock } => {
                let path = self.path(Target::Stock(stock));
                (format!("{path}/deactivate"), json!({ "deactivate_reason": "a" }))
            }
            Asked::EndProduct { product } => {
                let path = format!("/product-coupons/{}/deactivate", self.products[product]);
                (path, json!({ "deactivate_reason": "a" }))
            }
            Asked::Budget { target, by, by_day, knows } => {
                let (current, wanted) = self.model.budget(target, by, by_day);
                let (mode, member) = if by_day {
                    ("MAX_COUNT_PER_DAY", "max_count_per_day")
                } else {
                    ("MAX_COUNT", "max_count")
                };
                let current = if knows { current } else { current + 1 };
                let mut body = json!({ "update_mode": mode });
                body[format!("current_{member}")] = json!(current);
                body[format!("target_{member}")] = json!(wanted);
                (format!("{}/update-budget", self.path(target)), body)
            }
            Asked::Upload { stock, codes } => {
                let path = self.path(Target::Stock(stock));
                (format!("{path}/upload-coupon-codes"), json!({ "code_list": codes.map(uploaded_code) }))
            }
        };
        let name = match asked {
            Asked::Send { .. } | Asked::Offer { .. } => "send_request_no",
            _ => "out_request_no",
        };
        body[name] = json!(number);
        body["brand_id"] =
            if caller == Caller::OtherBrand { json!("120345") } else { json!(owner().brand_id) };
        (target, body)
    }

    /// A coupon, as the API shows it.
    fn coupon(&self, known: &Known) -> Value {
        let (product, stock) = (&self.products[product_of(known.stock)], &self.stocks[known.stock]);
        let user = openid(known.user);
        self.get(&format!(
            "/users/{user}/coupons/{}?product_coupon_id={product}&stock_id={stock}&appid={APPID}",
            known.code
        ))
    }

    /// Every coupon that is stored is as the model says.
    fn check_records(&self) {
        let found: Result<Vec<_>, StoreError> = self.world.act(|tx| {
            let coupons = self.model.coupons.iter();
            coupons.map(|known| coupon::find(tx, &self.stocks[known.stock], &known.code)).collect()
        });
        for (known, found) in self.model.coupons.iter().zip(found.unwrap()) {
            let found = found.unwrap();
            let end = found.ended.as_ref().map(|end| match end {
                CouponEnd::Deactivated(_) => End::Deactivated,
                CouponEnd::Deleted(_) => End::Deleted,
            });
            let uses = found.rounds.iter().filter_map(|round| round.used.as_ref());
            let uses: Vec<_> = uses.map(|used| used.event.time).collect();
            assert_eq!((&uses, end), (&known.uses, known.end), "{known:?}");
            assert_eq!((found.window.start, found.window.expire), (known.start, known.expire), "{known:?}");
            assert_eq!(found.state_at(self.world.now).word(), known.state(self.world.now), "{known:?}");
        }
    }

    /// Everything that the API shows is as the model says.
    fn check_shown(&self) {
        let model = &self.model;
        for (position, known) in model.stocks.iter().enumerate() {
            let shown = self.get(&self.path(Target::Stock(position)));
            let sent = json!({ "total_count": known.sent, "today_count": model.sent_today(position) });
            assert_eq!((&shown["sent_count_info"], &shown["state"]), (&sent, &json!(model.word(position))));
            let rule = &shown["stock_send_rule"];
            let (total, by_day) = (rule["max_count"].as_i64(), rule["max_count_per_day"].as_i64());
            assert_eq!((total, by_day), (Some(known.total), known.by_day));
            assert!(known.sent <= known.total);
            if position == UPLOAD {
                let available = model.codes.values().filter(|is_taken| !**is_taken).count();
                let counts = json!({ "total_count": model.codes.len(), "available_count": available });
                assert_eq!(shown["coupon_code_count_info"], counts);
            }
            if has_stores(position) {
                let listed = self.get(&format!("{}/associated-stores", self.path(Target::Stock(position))));
                let stores = listed["store_list"].as_array().unwrap().iter();
                let stores = stores.map(|store| store["store_id"].as_str().unwrap().parse().unwrap());
                assert_eq!(stores.collect::<BTreeSet<u8>>(), known.stores);
            }
        }
        for (product, id) in self.products.iter().enumerate() {
            let state = if model.has_ended[product] { "DEACTIVATED" } else { "EFFECTIVE" };
            assert_eq!(self.get(&format!("/product-coupons/{id}"))["state"], state);
        }
        for known in &model.coupons {
            let shown = self.coupon(known);
            assert_eq!(shown["coupon_state"], known.state(self.world.now), "{known:?}");
            if let Some(first) = known.bundle {
                let used =
                    model.coupons[first..first + 3].iter().map(|coupon| coupon.uses.len()).sum::<usize>();
                assert_eq!(shown["user_product_coupon_bundle_info"]["used_count"], used);
            }
        }
        self.check_lists();
        let mut notified: Vec<_> =
            self.world.notified(&["coupon_code"]).into_iter().map(|told| told.1).collect();
        let mut expected = model.notified.clone();
        notified.sort_unstable();
        expected.sort_unstable();
        assert_eq!(notified, expected);
    }

    /// Everything, after the clock has done its work.
    fn look(&mut self) {
        self.world.tick();
        self.model.tick();
        self.check_shown();
    }

    /// What is listed by its state has that state.
    fn check_lists(&self) {
        let model = &self.model;
        let listed = |target: &str, list: &str, member: &str| {
            let listed = self.get(target);
            let listed = listed[list].as_array().unwrap().iter();
            listed.map(|item| item[member].as_str().unwrap().to_owned()).collect::<BTreeSet<_>>()
        };
        for (product, id) in self.products.iter().enumerate() {
            for word in ["AUDITING", "SENDING", "PAUSED", "STOPPED", "DEACTIVATED"] {
                let wanted =
                    (0..STOCKS).filter(|stock| product_of(*stock) == product && model.word(*stock) == word);
                let target = format!("/product-coupons/{id}/stocks?state={word}");
                let wanted: BTreeSet<_> = wanted.map(|stock| self.stocks[stock].clone()).collect();
                assert_eq!(listed(&target, "stock_list", "stock_id"), wanted, "{word}");
            }
        }
        for user in 0..3 {
            for word in ["CONFIRMING", "PENDING", "EFFECTIVE", "USED", "EXPIRED", "DELETED", "DEACTIVATED"] {
                let wanted = model
                    .coupons
                    .iter()
                    .filter(|coupon| coupon.user == user && coupon.state(self.world.now) == word);
                let wanted: BTreeSet<_> = wanted.map(|coupon| coupon.code.clone()).collect();
                let target =
                    format!("/users/{}/coupons?appid={APPID}&coupon_state={word}&page_size=50", openid(user));
                assert_eq!(listed(&target, "user_coupon_list", "coupon_code"), wanted, "{word}");
            }
        }
    }
}

/// What all stocks have, and the time of each.
fn dress(stock: &mut Value, rule: &str, position: usize) {
    let mut period = json!({
        "available_begin_time": "2026-08-01T00:00:00+08:00", "available_end_time": END,
    });
    match position {
        UPLOAD => {
            period["wait_days_after_receive"] = json!(1);
            period["available_days"] = json!(2);
        }
        OWN => {
            let days = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY"];
            period["weekly_available_period"] = json!({ "day_list": days });
        }
        4.. => period["available_seconds"] = json!(2 * clock::DAY),
        _ => {}
    }
    stock[rule]["coupon_available_period"] = period;
    stock["stock_send_rule"] = json!({ "max_count": TOTAL, "max_count_per_user": BY_USER });
    if position != OWN {
        stock["stock_send_rule"]["max_count_per_day"] = json!(BY_DAY);
    }
    stock["store_scope"] = json!(if has_stores(position) { "SPECIFIC" } else { "NONE" });
}

/// Requests of one operation have their numbers in common.
fn operation(asked: Asked) -> &'static str {
    match asked {
        Asked::Send { .. } => "send",
        Asked::Offer { .. } => "offer",
        Asked::Confirm { .. } => "confirm",
        Asked::Use { .. } => "use",
        Asked::Return { .. } => "return",
        Asked::Deactivate { .. } => "deactivate",
        Asked::DeactivateBundle { .. } => "deactivate bundle",
        Asked::EndStock { .. } => "end stock",
        Asked::EndProduct { .. } => "end product",
        Asked::Budget { target: Target::Stock(_), .. } => "budget",
        Asked::Budget { target: Target::Bundle, .. } => "budget of bundle",
        Asked::Upload { .. } => "upload",
    }
}

/// How often everything is looked at: records are looked at after each step.
const LOOK: usize = 40;

fn live(steps: &[Step]) {
    let mut life = Life::new();
    // Without a store their coupons could not be used.
    for target in [Target::Stock(UPLOAD), Target::Bundle] {
        life.change_stores(target, [0, 1], true);
    }
    for (position, step) in steps.iter().enumerate() {
        life.take(step);
        life.check_records();
        if position % LOOK == LOOK - 1 {
            life.look();
        }
    }
    life.look();
}

fn fresh(asked: Asked) -> Step {
    Step::Ask { asked, caller: Caller::Partner, number: Number::Fresh }
}

const AFTER_THE_END: Step = Step::Pass { seconds: 6 * clock::DAY, is_late: false };

#[test]
fn a_stock_is_listed_by_the_state_that_it_shows() {
    live(&[AFTER_THE_END, Step::SetState { stock: SEQUENTIAL, state: State::Paused }]);
}

#[test]
fn nothing_is_sent_or_offered_of_a_product_coupon_that_has_ended() {
    let (target, user, code) = (Target::Stock(0), 0, None);
    let back = Step::Pass { seconds: -6 * clock::DAY, is_late: false };
    live(&[
        AFTER_THE_END,
        fresh(Asked::EndProduct { product: 0 }),
        back,
        Step::SetState { stock: 0, state: State::Sending },
        fresh(Asked::Send { target, user, code }),
        fresh(Asked::Offer { target, user, code }),
    ]);
}

#[test]
fn product_coupons_live_as_the_model_says() {
    let steps = Steps { variable: "WEIPAY_PRODUCT_COUPON_STEPS", default: 4_000, of_a_life: 200 };
    live_randomly(steps, step(), live);
}

#[test]
fn the_coupons_of_a_bundle_are_used_in_order_and_returned_backwards() {
    // Six means the first of up to three coupons for which the step is.
    let (first, store, index) = (6, Some(0), None);
    let confirm = || fresh(Asked::Confirm { coupon: first });
    let redeem = || fresh(Asked::Use { coupon: first, store, index, orders: 1 });
    let give_back = |coupon| fresh(Asked::Return { coupon, index });
    live(&[
        fresh(Asked::Send { target: Target::Bundle, user: 0, code: None }),
        confirm(),
        confirm(),
        redeem(),
        redeem(),
        Step::Pass { seconds: clock::DAY, is_late: false },
        redeem(),
        give_back(first),
        give_back(1),
        give_back(first),
    ]);
}
