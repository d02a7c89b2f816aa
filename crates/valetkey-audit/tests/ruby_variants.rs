//! Ways of Ruby to say the same: how a token gets out, where a browser is sent
//! to, how a state is compared.

#![allow(clippy::panic)]

use valetkey_audit::{Options, Verdict, audit_source};

/// A whole login of Sinatra, with what follows the exchange.
fn sinatra(before: &str, then: &str, after: &str) -> String {
    format!(
        "require 'sinatra'
require 'oauth2'
enable :sessions
{before}
def client
  OAuth2::Client.new(ENV['ID'], ENV['SECRET'], site: 'https://id.example')
end
get '/begin' do
  session[:state] = SecureRandom.hex(16)
  redirect client.auth_code.authorize_url(redirect_uri: ENV['BACK'], scope: 'read', state: session[:state])
end
get '/back' do
  halt 403 if session[:state].nil? || session[:state] != params[:state]
  halt 403 if params[:error] || params[:code].nil?
  token = client.auth_code.get_token(params[:code], redirect_uri: ENV['BACK'])
  {then}
end
{after}
"
    )
}

/// The same of Rails.
fn rails(then: &str) -> String {
    format!(
        "class LoginsController < ApplicationController
  def new
    session[:state] = SecureRandom.hex(16)
    redirect_to client.auth_code.authorize_url(redirect_uri: logins_url, scope: 'read', state: session[:state]), allow_other_host: true
  end

  def show
    return head(:forbidden) if session[:state].blank? || session[:state] != params[:state]
    return head(:forbidden) if params[:error] || params[:code].blank?
    token = client.auth_code.get_token(params[:code], redirect_uri: logins_url)
    {then}
  end

  private

  def client
    OAuth2::Client.new(ENV['ID'], ENV['SECRET'], site: 'https://id.example')
  end
end
"
    )
}

fn holds(check: &str, wanted: Verdict, texts: &[String]) {
    for text in texts {
        let report = audit_source(&[("login.rb", text)], &Options::default());
        let found = report.results.iter().find(|r| r.check == check);
        let verdict = found.map_or(Verdict::Na, |r| r.verdict);
        assert_eq!(verdict, wanted, "{check}: {text}");
    }
}

#[test]
fn a_token_gets_out_in_many_ways() {
    let ways = [
        "token.to_hash.to_json",
        "redirect to('/done?t=' + token.token)",
        "set :token, token.token\n  redirect '/'",
        "headers['X-Token'] = token.token\n  redirect '/'",
        "$stderr << token.token\n  redirect '/'",
    ];
    let mut texts: Vec<_> = ways.iter().map(|way| sinatra("", way, "")).collect();
    let page = "__END__\n@@page\n<p><%= @access_token %></p>";
    let shown = "@access_token = token.token\n  erb :page";
    texts.push(sinatra("", shown, page));
    for way in [
        "redirect_to done_url(token: token.token)",
        "redirect_to root_path(t: token.token)",
        "redirect_to root_path, notice: \"T #{token.token}\"",
        "response.headers['X-Token'] = token.token\n    head :ok",
    ] {
        texts.push(rails(way));
    }
    holds("token-not-leaked", Verdict::Fail, &texts);
}

#[test]
fn a_token_that_is_kept_stays_in() {
    let page = "__END__\n@@page\n<p><%= @name %></p>";
    let shown = "session[:t] = token.token\n  @name = token.get('/me').parsed['name']\n  erb :page";
    let texts = [
        sinatra("", shown, page),
        sinatra(
            "set :title, 'Notes'",
            "session[:t] = token.token\n  redirect to('/')",
            "",
        ),
        sinatra(
            "",
            "session[:t] = token.token\n  headers 'X-Frame-Options' => 'DENY'\n  redirect '/'",
            "",
        ),
        rails("current_user.update!(t: token.token)\n    redirect_to root_path, notice: 'Done.'"),
    ];
    holds("token-not-leaked", Verdict::Pass, &texts);
}

#[test]
fn a_browser_is_sent_wherever_the_request_says() {
    let texts = [
        sinatra("", "redirect to(params[:next])", ""),
        sinatra("", "response['Location'] = params[:next]\n  status 302", ""),
        rails("to = params[:to].to_s\n    redirect_to(to =~ /^\\// ? to : root_path)"),
        rails("to = params[:to].to_s\n    redirect_to(to.match?(%r{\\A/}) ? to : root_path)"),
        rails("redirect_to params[:to] || root_path"),
    ];
    holds("no-open-redirect", Verdict::Fail, &texts);
}

#[test]
fn a_browser_is_kept_here() {
    let texts = [
        sinatra("", "redirect to('/')", ""),
        rails("to = params[:to].to_s\n    redirect_to(to =~ %r{\\A/[^/\\\\]} ? to : root_path)"),
        rails("redirect_to params[:to] || root_path, allow_other_host: false"),
    ];
    holds("no-open-redirect", Verdict::Pass, &texts);
}

#[test]
fn a_block_says_what_holds_where_there_is_no_parameter() {
    let text = |block: &str| {
        sinatra("", "redirect '/'", "").replace(
            "halt 403 if session[:state].nil? || session[:state] != params[:state]",
            &format!(
                "given = params.fetch('state') {block}\n  halt 403 unless session[:state] == given"
            ),
        )
    };
    holds("state-verified", Verdict::Pass, &[text("{ halt 403 }")]);
    holds("state-verified", Verdict::Fail, &[text("{ nil }")]);
}

/// A login with a state that is made so.
fn state(made: &str) -> String {
    sinatra("", "redirect '/'", "").replace("SecureRandom.hex(16)", made)
}

#[test]
fn few_letters_can_be_guessed() {
    let cut = [
        "SecureRandom.hex(16)[0, 6]",
        "SecureRandom.hex(16)[0..5]",
        "SecureRandom.hex[2...9]",
        "SecureRandom.hex.first(8)",
        "SecureRandom.alphanumeric(8)",
        "Array.new(20) { rand(36).to_s(36) }.join",
        "Array.new(6) { SecureRandom.rand(10) }.join",
        "32.times.map { SIGNS.sample }.join",
        "Array.new(32) { SIGNS.sample(random: Random.new(1)) }.join",
        "SIGNS.sample(random: SecureRandom)",
        "SIGNS.shuffle(random: SecureRandom).first(6).join",
        "SecureRandom.hex(2) + SecureRandom.hex(2)",
        "SecureRandom.random_number(1_000_000).to_s",
        "SecureRandom.random_number(10**8).to_s",
    ];
    holds("state-generated", Verdict::Fail, &cut.map(state));
    let whole = [
        "SecureRandom.hex(16)[0, 24]",
        "SecureRandom.hex(32)[0..31]",
        "SecureRandom.alphanumeric(20)",
        "Array.new(32) { SecureRandom.alphanumeric(1) }.join",
        "Array.new(32) { SIGNS[SecureRandom.random_number(SIGNS.size)] }.join",
        "Array.new(32) { SecureRandom.random_number(16).to_s(16) }.join",
        "(0...32).map { SIGNS.sample(random: SecureRandom) }.join",
        "32.times.map { SIGNS.sample(random: SecureRandom) }.join",
        "SIGNS.sample(32, random: SecureRandom).join",
        "SIGNS.shuffle(random: SecureRandom).first(32).join",
        "SecureRandom.hex(4) + '-' + SecureRandom.hex(4)",
        "SecureRandom.random_number(2**128).to_s(16)",
        "SecureRandom.random_number(1 << 128).to_s(36)",
    ];
    holds("state-generated", Verdict::Pass, &whole.map(state));
}

#[test]
fn a_session_key_stands_in_the_code_in_many_ways() {
    let text = |set: &str| {
        sinatra(set, "session[:t] = token.token\n  redirect '/'", "")
            .replace("enable :sessions\n", "")
    };
    let known = [
        "use Rack::Session::Cookie, { key: 'k', secret: 'abc' }",
        "KEPT = { secret: 'abc' }\nuse Rack::Session::Cookie, KEPT",
        "use Rack::Session::Cookie, secret: 'abc' * 30",
        "set :sessions, secret: ENV.fetch('S') { 'abc' }",
    ];
    holds("session-key-strong", Verdict::Fail, &known.map(text));
    let kept = [
        "use Rack::Session::Cookie, { key: 'k', secret: ENV.fetch('S') }",
        "set :sessions, secret: ENV.fetch('S') { SecureRandom.hex(64) }",
    ];
    holds("session-key-strong", Verdict::Pass, &kept.map(text));
}

#[test]
fn debug_pages_are_for_whoever_writes_the_app() {
    let text = |set: &str| sinatra(set, "session[:t] = token.token\n  redirect '/'", "");
    let shown = [
        "set :environment, :development",
        "ENV['RACK_ENV'] = 'development'",
        "configure do\n  set :show_exceptions, true\nend",
    ];
    holds("debug-off", Verdict::Fail, &shown.map(text));
    let off = [
        "set :environment, :production",
        "configure :development do\n  enable :show_exceptions\nend\ndisable :show_exceptions",
    ];
    holds("debug-off", Verdict::Pass, &off.map(text));
}

#[test]
fn an_unverified_payload_is_believed() {
    let then = "session[:user] = JWT::EncodedToken.new(token.params['id_token']).unverified_payload['sub']\n  redirect '/'";
    holds("id-token-verified", Verdict::Fail, &[sinatra("", then, "")]);
}

/// A login of Rails that reads an ID token of `jwt`, checked in some way.
fn told_by_id_token(check: &str, read: &str) -> String {
    let then = format!(
        "id = JWT::EncodedToken.new(token.params['id_token'])
    key = KEYS.fetch(id.unverified_payload['iss'])
    {check}
    session[:user] = id.{read}['sub']
    redirect_to root_path"
    );
    rails(&then)
}

#[test]
fn an_encoded_token_is_verified_after_its_issuer_was_read() {
    let claims = "iss: 'https://id.example', aud: ENV['ID']";
    let all = format!(
        "id.verify!(signature: {{ algorithm: 'RS256', key: key }}, claims: {{ {claims} }})"
    );
    let apart = format!(
        "id.verify_signature!(algorithm: 'RS256', key: key)\n    id.verify_claims!({claims})"
    );
    let elsewhere =
        "id.verify!(signature: { algorithm: 'RS256', key: key }, claims: CLAIMS)".to_owned();
    let ways = [all, apart, elsewhere].map(|way| told_by_id_token(&way, "payload"));
    holds("id-token-verified", Verdict::Pass, &ways);
    let signature = "id.verify!(signature: { algorithm: 'RS256', key: key })";
    let less = [("", "unverified_payload"), (signature, "payload")];
    let less = less.map(|(check, read)| told_by_id_token(check, read));
    holds("id-token-verified", Verdict::Fail, &less);
}

#[test]
fn names_of_sorcery_are_those_of_controllers() {
    let text = sinatra("", "redirect '/'", "");
    let column = "class Member\n  attr_accessor :login_at\n  def recent? = login_at && login_at > Time.now - 60\n  def seen(at) = login_at(at)\nend";
    let own =
        "class Entry < ApplicationRecord\n  def self.build(auth) = create_from(auth.info)\nend";
    for others in [column, own] {
        let whole = format!("{text}{others}\n");
        holds(
            "state-generated",
            Verdict::Pass,
            std::slice::from_ref(&whole),
        );
        holds("state-verified", Verdict::Pass, &[whole]);
    }
    let external = "class OauthsController < ApplicationController
  def new
    login_at(params[:provider])
  end

  def show
    @user = login_from(params[:provider])
    redirect_to root_path
  end
end
";
    holds("state-generated", Verdict::Fail, &[external.to_owned()]);
}

/// A login of Rails whose callback goes on to what a service hands back.
fn handed_back(class: &str, back: &str) -> String {
    format!(
        "class LoginsController < ApplicationController
  {class}

  def new
    session[:flow] = {{ 'state' => SecureRandom.hex(16), 'back' => {back} }}
    redirect_to client.auth_code.authorize_url(redirect_uri: logins_url, scope: 'read', state: session[:flow]['state']), allow_other_host: true
  end

  def show
    result = done
    redirect_to(result.error.nil? ? result.back : root_path)
  end

  private

  def done
    kept = session.delete(:flow)
    return Result.new(error: 'state') unless kept && kept['state'] == params[:state] && params[:code]
    client.auth_code.get_token(params[:code], redirect_uri: logins_url)
    Result.new(back: kept['back'])
  end

  def client
    OAuth2::Client.new(ENV['ID'], ENV['SECRET'], site: 'https://id.example')
  end
end
"
    )
}

#[test]
fn a_record_hands_on_its_members() {
    let classes = [
        "Result = Struct.new(:back, :error, keyword_init: true)",
        "Result = Data.define(:back, :error) do\n    def fine? = error.nil?\n  end",
        "class Result < Struct.new(:back, :error, keyword_init: true)\n  end",
    ];
    let sent = classes.map(|class| handed_back(class, "params[:back]"));
    holds("no-open-redirect", Verdict::Fail, &sent);
    let fixed = classes.map(|class| handed_back(class, "'/notes'"));
    holds("no-open-redirect", Verdict::Pass, &fixed);
}

/// A callback that asks a class which states there are.
fn pending(known: &str) -> String {
    format!(
        "require 'sinatra'
class Pending
  @states = []
  class << self
    def fresh
      SecureRandom.hex(16).tap {{ |s| @states << s }}
    end

    def known?(state)
      {known}
    end
  end
end
get('/begin') {{ redirect \"https://id.example/authorize?client_id=#{{ENV['ID']}}&response_type=code&scope=a&redirect_uri=#{{ENV['BACK']}}&state=#{{Pending.fresh}}\" }}
get '/back' do
  halt 400 unless Pending.known?(params[:state])
  Faraday.post('https://id.example/token', grant_type: 'authorization_code', code: params[:code], client_id: ENV['ID'], client_secret: ENV['SECRET'])
end
"
    )
}

#[test]
fn what_a_list_gives_up_was_there_for_all() {
    let ways = [
        "!@states.delete(state).nil?",
        "@states.delete(state)",
        "@states.include?(state)",
    ];
    holds("state-verified", Verdict::Fail, &ways.map(pending));
}

#[test]
fn a_row_that_is_chosen_says_where_to_go() {
    let row = "redirect_to Provider.find_by!(slug: params[:provider]).home";
    let own = format!("class Provider < ApplicationRecord\nend\n{}", rails(row));
    holds("no-open-redirect", Verdict::Pass, &[own, rails(row)]);
    let begun = "class Provider < ApplicationRecord
end
class LinksController < ApplicationController
  def create
    state = SecureRandom.hex(16)
    Rails.cache.write(\"oauth/#{state}\", true)
    redirect_to Provider.find_by!(slug: params[:provider]).authorize_url(state), allow_other_host: true
  end

  def show
    return head(:forbidden) unless Rails.cache.delete(\"oauth/#{params[:state]}\")
    Provider.find_by!(slug: params[:provider]).redeem(params[:code])
    redirect_to root_path
  end
end
";
    holds("no-open-redirect", Verdict::Pass, &[begun.to_owned()]);
}

#[test]
fn a_token_in_a_posted_body_is_handed_in() {
    let text = |token: &str| {
        format!(
            "require 'webrick'
KNOWN = {{}}
server = WEBrick::HTTPServer.new(Port: 8000)
server.mount_proc '/claim' do |req, res|
  access_token = {token}
  uri = URI('https://id.example/validate')
  answer = Net::HTTP.start(uri.host, uri.port, use_ssl: true) {{ |http| http.get(uri.path, 'Authorization' => \"Bearer #{{access_token}}\") }}
  sid = SecureRandom.hex(24)
  KNOWN[sid] = {{ login: JSON.parse(answer.body)['login'] }}
  res.cookies << WEBrick::Cookie.new('sid', sid)
end
"
        )
    };
    let posted = text("JSON.parse(req.body)['access_token']");
    holds("identity-from-id-token", Verdict::Fail, &[posted]);
    let kept = text("ENV.fetch('ACCESS_TOKEN')");
    holds("identity-from-id-token", Verdict::Na, &[kept]);
}

/// A login whose page to go back to waits in a cache, under its state.
fn cached(write: &str, read: &str, back: &str) -> String {
    format!(
        "require 'sinatra'
REDIS = Redis.new
get '/begin' do
  state = SecureRandom.hex(16)
  page = {back}
  {write}
  redirect \"https://id.example/authorize?client_id=#{{ENV['ID']}}&response_type=code&scope=a&state=#{{state}}&redirect_uri=#{{ENV['BACK']}}\"
end
get '/back' do
  kept = {read}
  halt 403 if kept.nil? || params[:error] || params[:code].nil?
  token = OAuth2::Client.new(ENV['ID'], ENV['SECRET'], site: 'https://id.example').auth_code.get_token(params[:code], redirect_uri: ENV['BACK'])
  REDIS.setex(\"token:#{{session[:user]}}\", 300, token.token)
  redirect JSON.parse(kept)['return_to']
end
"
    )
}

#[test]
fn a_page_that_waits_in_a_cache_is_the_requests() {
    let ways = [
        (
            "REDIS.setex(\"login:#{state}\", 300, { return_to: page }.to_json)",
            "REDIS.getdel(\"login:#{params[:state]}\")",
        ),
        (
            "Rails.cache.write(\"login:#{state}\", JSON.generate(return_to: page))",
            "Rails.cache.read(\"login:#{params[:state]}\")",
        ),
    ];
    let asked = ways.map(|(write, read)| cached(write, read, "params[:return_to]"));
    holds("no-open-redirect", Verdict::Fail, &asked);
    // A token under its owner's name is nobody else's.
    holds("token-not-leaked", Verdict::Pass, &asked);
    let fixed = ways.map(|(write, read)| cached(write, read, "'/notes'"));
    holds("no-open-redirect", Verdict::Pass, &fixed);
}

#[test]
fn an_auth_hash_tells_the_token() {
    let text = |told: &str| {
        format!(
            "require 'sinatra'
use OmniAuth::Builder do
  provider :gitlab, ENV['ID'], ENV['SECRET'], scope: 'read_user'
end
get '/auth/gitlab/callback' do
  auth = request.env['omniauth.auth']
  session[:user] = auth.uid
  {told}
end
"
        )
    };
    let whole = ["auth.to_hash.to_json", "json auth.to_h", "json auth"];
    holds("token-not-leaked", Verdict::Fail, &whole.map(text));
    let part = ["json auth.info", "redirect '/'"];
    holds("token-not-leaked", Verdict::Pass, &part.map(text));
}
