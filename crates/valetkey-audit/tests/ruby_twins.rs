//! Ruby beside its nearly equal twins: what goes wrong, and the same put
//! right.

#![allow(clippy::panic)]

use valetkey_audit::{Options, Verdict, audit_source};

/// The verdict of a check of a file.
fn verdict(files: &[(&str, &str)], path: &str, check: &str) -> Verdict {
    let report = audit_source(files, &Options::default());
    let found = report
        .results
        .iter()
        .find(|r| r.path == path && r.check == check);
    found.map_or(Verdict::Na, |r| r.verdict)
}

/// A login of Rails: what makes the state, and what looks at it.
fn rails(made: &str, looked: &str, then: &str) -> String {
    format!(
        "class LoginsController < ApplicationController
  def new
    {made}
    redirect_to client.auth_code.authorize_url(redirect_uri: ENV['BACK'], scope: 'read', state: state), allow_other_host: true
  end

  def show
    {looked}
    return head(:forbidden) if params[:error] || params[:code].blank?
    token = client.auth_code.get_token(params[:code], redirect_uri: ENV['BACK'])
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
        let found = verdict(
            &[("logins_controller.rb", text)],
            "logins_controller.rb",
            check,
        );
        assert_eq!(found, wanted, "{check}: {text}");
    }
}

const CARRIED: &str =
    "state = Base64.urlsafe_encode64({ back: params[:back], at: Time.now.to_i }.to_json)";
const OPENED: &str = "state = JSON.parse(Base64.urlsafe_decode64(params[:state].to_s)) rescue nil";

#[test]
fn a_state_that_is_only_opened_proves_nothing() {
    let looks = [
        "return redirect_to(root_path) if state.nil?",
        "return redirect_to(root_path) if state.nil? || Time.now.to_i - state['at'].to_i > 600",
        "return redirect_to(root_path) unless state.is_a?(Hash) && state.key?('at')",
        "return redirect_to(root_path) if state.blank? || state['at'].blank?",
    ];
    let texts = looks.map(|look| rails(CARRIED, &format!("{OPENED}\n    {look}"), "head :ok"));
    holds("state-verified", Verdict::Fail, &texts);
}

#[test]
fn what_is_opened_and_compared_proves_it() {
    let made = "session[:csrf] = SecureRandom.hex(16)
    state = Base64.urlsafe_encode64({ back: '/', csrf: session[:csrf] }.to_json)";
    let looks = [
        "return head(:forbidden) unless state && session[:csrf].present? && state['csrf'] == session[:csrf]",
        "return head(:forbidden) if state.nil? || session[:csrf].nil? || state['csrf'] != session.delete(:csrf)",
        "csrf = session.delete(:csrf).to_s
    return head(:forbidden) if csrf.empty?
    return head(:forbidden) unless ActiveSupport::SecurityUtils.secure_compare(state['csrf'].to_s, csrf)",
    ];
    let texts = looks.map(|look| rails(made, &format!("{OPENED}\n    {look}"), "head :ok"));
    holds("state-verified", Verdict::Pass, &texts);
}

/// What is not seen may know whose state it is.
#[test]
fn who_is_asked_about_a_state_may_know_it() {
    let looks = [
        "return head(:forbidden) unless state_is_mine?(params[:state])",
        "return head(:forbidden) unless params[:state] == expected_state",
        "return head(:forbidden) unless params[:state].casecmp?(expected_state)",
    ];
    let texts = looks.map(|look| rails("state = fresh_state", look, "head :ok"));
    holds("state-verified", Verdict::Na, &texts);
}

#[test]
fn a_page_that_the_state_carries_is_the_requests() {
    let look = format!("{OPENED}\n    return head(:forbidden) if state.nil?");
    let to = |page: &str| format!("redirect_to {page}, allow_other_host: true");
    let wrong = [
        rails(CARRIED, &look, &to("state['back'] || root_path")),
        rails(CARRIED, &look, &to("state['back'].presence || root_path")),
        rails(CARRIED, &look, &to("state.fetch('back')")),
    ];
    holds("no-open-redirect", Verdict::Fail, &wrong);
    let fixed = CARRIED.replace("params[:back]", "'/notes'");
    let right = [
        rails(CARRIED, &look, "redirect_to root_path"),
        // Nothing of the request was put into it.
        rails(&fixed, &look, &to("state['back'] || root_path")),
        rails(
            CARRIED,
            &look,
            "back = state['back'].to_s
    redirect_to(back.match?(%r{\\A/[^/\\\\]}) ? back : root_path)",
        ),
    ];
    holds("no-open-redirect", Verdict::Pass, &right);
}

#[test]
fn what_stands_in_for_a_cookie_holds_nothing() {
    let made = "state = SecureRandom.hex(16)
    cookies.encrypted[:login] = { value: { state: state }.to_json, httponly: true }";
    let open = "login = JSON.parse(cookies.encrypted[:login] || '{}')";
    let right = [
        "return head(:forbidden) if login['state'].blank? || login['state'] != params[:state]",
        "return head(:forbidden) unless login['state'].present? && login['state'] == params[:state]",
    ];
    let texts = right.map(|look| rails(made, &format!("{open}\n    {look}"), "head :ok"));
    holds("state-verified", Verdict::Pass, &texts);
    let wrong = rails(
        made,
        &format!("{open}\n    return head(:forbidden) if login['state'] != params[:state]"),
        "head :ok",
    );
    holds("state-verified", Verdict::Fail, &[wrong]);
}

#[test]
fn a_setting_without_which_it_raises_ends_nothing() {
    let service = "class LoginService
  def self.login_url(state)
    q = { client_id: client_id, redirect_uri: ENV['BACK'], response_type: 'code', scope: 'email', state: state }
    \"https://id.example/authorize?#{q.to_query}\"
  end

  def self.exchange(code)
    res = Faraday.post('https://id.example/token', { client_id: client_id, code: code, grant_type: 'authorization_code' })
    raise 'refused' unless res.success?
    JSON.parse(res.body)
  end

  def self.client_id
    ENV.fetch('ID') do
      raise ArgumentError, 'no ID'
    end
  end
end
";
    let controller = |look: &str| {
        format!(
            "class LoginsController < ApplicationController
  def new
    session[:state] = SecureRandom.hex(16)
    redirect_to LoginService.login_url(session[:state]), allow_other_host: true
  end

  def show
    {look}
    session[:token] = LoginService.exchange(params[:code])['access_token']
    redirect_to root_path
  end
end
"
        )
    };
    for (look, wanted) in [
        (
            "return head(:forbidden) if params[:state] != session.delete(:state)",
            Verdict::Fail,
        ),
        (
            "state = session.delete(:state)\n    return head(:forbidden) if state.nil? || params[:state] != state",
            Verdict::Pass,
        ),
    ] {
        let text = controller(look);
        let files = [
            ("login_service.rb", service),
            ("logins_controller.rb", &text),
        ];
        assert_eq!(
            verdict(&files, "logins_controller.rb", "state-verified"),
            wanted,
            "{look}"
        );
    }
}

/// A program that waits for its one login by itself.
fn listener(state: &str, waits: &str) -> String {
    format!(
        "require 'launchy'
require 'socket'

module Login
  def self.run
    state = {state}
    query = {{ client_id: ENV['ID'], response_type: 'code', redirect_uri: 'http://localhost:8080/', state: state, scope: 'a' }}
    Launchy.open \"https://id.example/authorize?#{{URI.encode_www_form query}}\"
    code = nil
    {waits}
    res = Net::HTTP.post_form(URI('https://id.example/token'), {{ grant_type: 'authorization_code', code: code, client_id: ENV['ID'] }})
    raise 'refused' unless res.is_a?(Net::HTTPSuccess)
    res.body
  end
end

Login.run
"
    )
}

#[test]
fn a_loop_goes_on_to_wait() {
    let waits = [
        "TCPServer.open 8080 do |server|
      loop do
        client = server.accept
        q = Hash[URI.decode_www_form(URI(client.gets.split(' ')[1]).query)]
        if q['state'].nil? || q['state'] != state
          client.close
          next
        end
        raise q['error'] if q['error']
        code = q['code']
        break
      end
    end",
        "server = TCPServer.new(8080)
    until code
      client = server.accept
      q = CGI.parse(URI(client.gets.split(' ')[1]).query)
      if q['state'] && q['state'] == state
        raise q['error'] if q['error']
        code = q['code']
      end
    end",
    ];
    for waits in waits {
        let check = "state-verified";
        let right = listener("SecureRandom.hex(16)", waits);
        assert_eq!(
            verdict(&[("a.rb", &right)], "a.rb", check),
            Verdict::Pass,
            "{right}"
        );
        let wrong = listener("'state'", waits);
        assert_eq!(
            verdict(&[("a.rb", &wrong)], "a.rb", check),
            Verdict::Fail,
            "{wrong}"
        );
        let wrong = right
            .replace(" || q['state'] != state", "")
            .replace(" && q['state'] == state", "");
        assert_eq!(
            verdict(&[("a.rb", &wrong)], "a.rb", check),
            Verdict::Fail,
            "{wrong}"
        );
    }
}

#[test]
fn a_constant_is_found_beside_the_file_that_names_it() {
    let login = |verifier: &str| {
        format!(
            "module Box
  class Client
    def trade(code, verifier)
      res = Net::HTTP.post_form(URI('https://id.example/token'), {{ grant_type: 'authorization_code', code: code, client_id: ENV['ID']{verifier} }})
      raise 'refused' unless res.is_a?(Net::HTTPSuccess)
      JSON.parse(res.body)
    end
  end
end
"
        )
    };
    let app = "require 'sinatra'
enable :sessions
get '/begin' do
  session[:state] = SecureRandom.hex(16)
  session[:verifier] = SecureRandom.hex(32)
  challenge = Digest::SHA256.base64digest(session[:verifier]).tr('+/', '-_').delete('=')
  redirect 'https://id.example/authorize?' + URI.encode_www_form(client_id: ENV['ID'], response_type: 'code', scope: 'a', state: session[:state], code_challenge: challenge, code_challenge_method: 'S256')
end
get '/back' do
  halt 403 if session[:state].nil? || session[:state] != params[:state]
  halt 403 if params[:error] || params[:code].nil?
  Box::Client.new.trade(params[:code], session[:verifier])
  redirect '/'
end
";
    for path in ["client.rb", "box_client.rb", "lib/box/client.rb"] {
        for (more, wanted) in [
            (", code_verifier: verifier", Verdict::Na),
            ("", Verdict::Fail),
        ] {
            let text = login(more);
            let files = [("app.rb", app), (path, text.as_str())];
            let found = verdict(&files, path, "pkce-used");
            // Where the verifier is sent, the login's file has the merit.
            let found = if found == Verdict::Pass {
                Verdict::Na
            } else {
                found
            };
            assert_eq!(found, wanted, "{path}: {more}");
        }
    }
}

#[test]
fn the_file_that_starts_the_app_has_its_sessions() {
    let app = rails(
        "state = session[:state] = SecureRandom.hex(16)",
        "return head(:forbidden) if session[:state].nil? || session[:state] != params[:state]",
        "head :ok",
    );
    for (key, wanted) in [
        (
            "'a-secret-that-stands-in-the-code-for-everybody-who-reads-it-to-see'",
            Verdict::Fail,
        ),
        ("ENV.fetch('SESSION_SECRET')", Verdict::Na),
    ] {
        let start = format!(
            "require_relative 'app'\nuse Rack::Session::Cookie, key: 'sid', secret: {key}\nrun LoginsController\n"
        );
        let files = [("app.rb", app.as_str()), ("config.ru", start.as_str())];
        assert_eq!(
            verdict(&files, "config.ru", "session-key-strong"),
            wanted,
            "{key}"
        );
    }
}

#[test]
fn requests_of_a_library_are_told_once() {
    let text = |line: &str| {
        format!(
            "require 'openid_connect'\nOpenIDConnect.http_config do |http|\n  http.options.timeout = 5\n  {line}\nend\n"
        )
    };
    let check = "tls-only";
    for line in [
        "http.ssl.verify = false",
        "http.ssl_config.verify_mode = OpenSSL::SSL::VERIFY_NONE",
    ] {
        assert_eq!(
            verdict(&[("openid.rb", &text(line))], "openid.rb", check),
            Verdict::Fail,
            "{line}"
        );
    }
    for line in ["http.ssl.verify = true", "http.ssl.ca_file = '/etc/ca.pem'"] {
        assert_ne!(
            verdict(&[("openid.rb", &text(line))], "openid.rb", check),
            Verdict::Fail,
            "{line}"
        );
    }
}

#[test]
fn providers_have_words_of_their_own_for_no() {
    let login = |word: &str| {
        rails(
            "state = session[:state] = SecureRandom.hex(16)",
            &format!("return head(:forbidden) if session[:state].nil? || session[:state] != params[:state]\n    return redirect_to(root_path) if params[:error] == '{word}'"),
            "head :ok",
        )
        .replace("return head(:forbidden) if params[:error] || params[:code].blank?", "")
    };
    let words = ["access_denied", "user_cancelled_authorize"].map(login);
    holds("error-handled", Verdict::Pass, &words);
    holds("error-handled", Verdict::Fail, &[login("server_error")]);
}

#[test]
fn a_client_that_is_not_seen_is_given_the_secret() {
    let text = |secret: &str| {
        format!(
            "require 'sinatra'
SECRET = {secret}
get '/back' do
  halt 403 if session[:state].nil? || session[:state] != params[:state]
  headers = {{ authorization: \"Basic #{{Base64.strict_encode64(\"abc:#{{SECRET}}\")}}\" }}
  Api.post 'https://id.example/token', {{}}, headers, {{ grant_type: 'authorization_code', code: params[:code] }}
end
"
        )
    };
    let check = "secret-not-in-code";
    let wrong = text("'c769df8ae055480ea18b6405c0d60502'");
    assert_eq!(verdict(&[("a.rb", &wrong)], "a.rb", check), Verdict::Fail);
    let right = text("ENV.fetch('CLIENT_SECRET')");
    assert_eq!(verdict(&[("a.rb", &right)], "a.rb", check), Verdict::Pass);
}

/// A login whose answer names the user, looked for so.
fn looked_for(who: &str) -> String {
    rails(
        "state = session[:state] = SecureRandom.hex(16)",
        "return head(:forbidden) if session[:state].nil? || session[:state] != params[:state]",
        &format!(
            "me = token.get('/me').parsed
    profile = JSON.parse(params[:user].presence || '{{}}')
    user = {who}
    session[:user_id] = user.id
    redirect_to root_path"
        ),
    )
}

#[test]
fn a_browser_does_not_say_who_it_is() {
    let check = "identity-from-id-token";
    let wrong = [
        "User.find_by(email: profile['email'] || me['email'])",
        "User.find_or_create_by!(email: params[:email])",
        "User.find_by(email: profile.dig('email'))",
    ];
    holds(check, Verdict::Fail, &wrong.map(looked_for));
    let right = [
        "User.find_by(email: me['email'])",
        "User.find_or_create_by!(sub: me['sub']) { |u| u.name = profile['name'] }",
        "User.find_by(sub: me['sub']) || User.create!(sub: me['sub'], name: profile['name'])",
        "User.find_by(sub: me['sub'], tenant: params[:tenant])",
    ];
    holds(check, Verdict::Pass, &right.map(looked_for));
}

#[test]
fn more_ways_to_compare_a_state() {
    let ways = [
        (
            "state = SecureRandom.hex(16)
    (session[:states] ||= []) << state",
            "states = session.delete(:states) || []
    return head(:forbidden) unless states.include?(params[:state])",
        ),
        (
            "nonce = session[:nonce] = SecureRandom.hex(16)
    state = \"#{nonce}:home\"",
            "nonce, page = params[:state].to_s.split(':', 2)
    expected = session.delete(:nonce)
    return head(:forbidden) if expected.blank? || nonce != expected",
        ),
        (
            "state = session[:state] = SecureRandom.hex(16)",
            "return head(:forbidden) if [session[:state], params[:state]].any?(&:blank?) || session[:state] != params[:state]",
        ),
        (
            "state = session[:state] = SecureRandom.hex(16)",
            "return head(:forbidden) unless [session[:state], params[:state]].none?(&:blank?) && session[:state] == params[:state]",
        ),
        (
            "state = Rails.application.message_verifier(:oauth).generate({ sid: session.id.to_s })",
            "data = Rails.application.message_verifier(:oauth).verified(params[:state])
    return head(:forbidden) unless data && data[:sid] == session.id.to_s",
        ),
    ];
    let texts = ways.map(|(made, look)| rails(made, look, "head :ok"));
    holds("state-verified", Verdict::Pass, &texts);
    let made = "state = session[:state] = SecureRandom.hex(16)";
    let wrong = [
        // One of them is enough for it.
        "return head(:forbidden) if [session[:state], params[:state]].all?(&:present?) && session[:state] != params[:state]",
    ];
    let texts = wrong.map(|look| rails(made, look, "head :ok"));
    holds("state-verified", Verdict::Fail, &texts);
}

/// An app of Hanami whose parts are given to it.
fn hanami(look: &str, setting: &str) -> [(&'static str, String); 3] {
    let action = format!(
        "module Desk
  module Actions
    class Callback < Desk::Action
      include Deps[\"identity\"]

      def handle(request, response)
        {look}
        identity.resolve(request.params[:code])
        response.redirect_to \"/\"
      end
    end
  end
end
"
    );
    let identity = "module Desk
  class Identity
    include Deps[\"settings\"]

    def resolve(code)
      reply = HTTParty.post(\"#{settings.realm}/token\", body: { grant_type: \"authorization_code\", code: code, client_id: settings.client_id, client_secret: settings.client_secret })
      raise \"refused\" unless reply.success?
      reply[\"access_token\"]
    end
  end
end
";
    let settings = format!(
        "module Desk
  class Settings < Hanami::Settings
    setting :client_id
    {setting}
  end
end
"
    );
    [
        ("app/actions/callback.rb", action),
        ("lib/desk/identity.rb", identity.to_owned()),
        ("lib/desk/settings.rb", settings),
    ]
}

#[test]
fn parts_of_an_app_are_given_to_others() {
    let right = "expected = request.session[:state]
        halt 403 if expected.nil? || !Rack::Utils.secure_compare(expected, request.params[:state].to_s)";
    let strict = "setting :client_secret\n    setting :realm";
    let lax = "setting :client_secret, default: \"change-me-desk-secret\"
    setting :realm, default: \"http://sso.example.net/realm\"";
    let local =
        "setting :client_secret\n    setting :realm, default: \"http://localhost:8080/realm\"";
    let of = |look: &str, setting: &str, path: &str, check: &str| {
        let app = hanami(look, setting);
        let files: Vec<(&str, &str)> = app.iter().map(|(p, t)| (*p, t.as_str())).collect();
        verdict(&files, path, check)
    };
    let callback = "app/actions/callback.rb";
    assert_eq!(of(right, strict, callback, "state-verified"), Verdict::Pass);
    assert_eq!(of("", strict, callback, "state-verified"), Verdict::Fail);
    let settings = "lib/desk/settings.rb";
    for check in ["secret-not-in-code", "tls-only"] {
        assert_eq!(of(right, lax, settings, check), Verdict::Fail, "{check}");
        assert_ne!(of(right, strict, settings, check), Verdict::Fail, "{check}");
        assert_ne!(of(right, local, settings, check), Verdict::Fail, "{check}");
    }
}

#[test]
fn a_strategy_of_ones_own_says_whether_it_uses_pkce() {
    let strategy = |more: &str| {
        format!(
            "class OmniAuth::Strategies::Harbor < OmniAuth::Strategies::OAuth2
  option :name, 'harbor'
  option :client_options, site: 'https://id.example'
  {more}
end
"
        )
    };
    let initializer = "require 'omniauth/strategies/harbor'
Rails.application.config.middleware.use OmniAuth::Builder do
  provider :harbor, ENV['ID'], ENV['SECRET']
end
";
    let unseen = initializer.replace(
        "require 'omniauth/strategies/harbor'",
        "require Rails.root.join('lib/omniauth/strategies/harbor')",
    );
    let of = |text: &str| verdict(&[("omniauth.rb", text)], "omniauth.rb", "pkce-used");
    assert_eq!(of(&unseen), Verdict::Na);
    assert_eq!(of(initializer), Verdict::Fail);
    for (more, wanted) in [("option :pkce, true", Verdict::Pass), ("", Verdict::Fail)] {
        let own = strategy(more);
        let files = [
            ("lib/omniauth/strategies/harbor.rb", own.as_str()),
            ("config/initializers/omniauth.rb", initializer),
        ];
        let check = "pkce-used";
        let found = verdict(&files, "config/initializers/omniauth.rb", check);
        assert_eq!(found, Verdict::Na, "{more}");
        if wanted == Verdict::Pass {
            let found = verdict(&files, "lib/omniauth/strategies/harbor.rb", check);
            assert_eq!(found, wanted, "{more}");
        }
    }
}
