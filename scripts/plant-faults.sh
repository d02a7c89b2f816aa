#!/usr/bin/env bash
# Plants faults, one at a time, in a copy of the tree, runs the test that
# should notice, and shows that it does: a test that cannot fail proves
# nothing. A sample of the last column of docs/requirements.md.
#
#   scripts/plant-faults.sh [ROW…]      all, or those of these rows
#
# Ends with 0 if every fault was noticed and with 1 if one was not. Takes some
# minutes; builds into target/faults.
set -uo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
export CARGO_TARGET_DIR="$root/target/faults" RUST_BACKTRACE=0
(cd "$root" && git ls-files -z --cached --others --exclude-standard |
    while IFS= read -r -d '' file; do [ -e "$file" ] && printf '%s\0' "$file"; done |
    tar --null -cf - --files-from=-) | tar -xf - -C "$copy"

wanted=" $* "
failed=0
table=""

# fault ROW FILE OLD NEW TEST: in crates/FILE, OLD becomes NEW, and TEST, in
# the binary `it` of the crate valetkey, must go red.
fault() {
    local row=$1 file=$2 old=$3 new=$4 test=$5 verdict
    if [ "$wanted" != "  " ] && [[ "$wanted" != *" $row "* ]]; then return; fi
    cp "$copy/crates/$file" "$copy/kept"
    OLD=$old NEW=$new perl -0pi -e 's/\Q$ENV{OLD}\E/$ENV{NEW}/' "$copy/crates/$file"
    if cmp -s "$copy/kept" "$copy/crates/$file"; then
        verdict="NOT PLANTED: the code has changed"
        failed=1
    else
        local output
        output=$(cd "$copy" && cargo test --offline --quiet -p valetkey --test it -- --exact "$test" 2>&1)
        if grep -q 'test result: FAILED. 0 passed; 1 failed' <<<"$output"; then
            verdict="red, as it should be"
        elif grep -q 'test result: ok. 1 passed' <<<"$output"; then
            verdict="GREEN: the test notices nothing"
            failed=1
        else
            verdict="NOT RUN"
            tail -n 20 <<<"$output" >&2
            failed=1
        fi
    fi
    mv "$copy/kept" "$copy/crates/$file"
    touch "$copy/crates/$file"
    printf '%-6s %-34s %s\n' "$row" "$verdict" "$test" >&2
    table+=$(printf '| %s | `%s` | `%s` | %s |' "$row" "$file" "$test" "$verdict")$'\n'
}

fault CB-14 valetkey/src/flow/callback.rs \
    'Err(CallbackError::StateSpent.into())
        }' 'Ok(())
        }' \
    callback::cb_14_two_parallel_callbacks_make_one_token_request
fault CB-04 valetkey-proto/src/callback.rs \
    'same(iss, &pending.issuer)' 'iss.eq_ignore_ascii_case(&pending.issuer)' \
    callback::cb_04_another_issuer_ends_the_answer_and_not_the_login
fault CB-07 valetkey-proto/src/callback.rs \
    'Self::Denied(_) | Self::ProviderError(_))
    }' 'Self::Denied(_) | Self::ProviderError(_) | Self::IssMismatch { .. })
    }' \
    callback::cb_07_an_error_of_a_foreign_issuer_is_not_believed
fault TE-04 valetkey-proto/src/client_auth.rs \
    'form_encode(secret.expose())' 'secret.expose()' \
    token::te_01_te_02_te_03_te_04_te_05_the_request_is_an_authenticated_form
fault TE-19 valetkey/src/flow/callback.rs \
    '.map_err(|error| wire::without(&secrets, error))?' \
    '.inspect_err(|_| drop(secrets))?' \
    token::te_19_the_texts_of_an_error_repeat_no_secret
fault ID-15 valetkey/src/flow/callback.rs \
    'access_token: Some(&tokens.access_token),' 'access_token: None,' \
    id_token::id_01_id_02_id_03_id_04_id_10_id_11_id_12_id_13_id_15_id_27_any_wrong_claim_signs_nobody_in
fault ID-19 valetkey/src/discovery.rs \
    'const KEY_REQUESTS: u32 = 5;' 'const KEY_REQUESTS: u32 = 100;' \
    id_token::id_19_tr_09_a_rotated_key_is_fetched_at_once_and_a_flood_of_bad_keys_is_not
fault RF-04 valetkey/src/flow/refresh.rs \
    'session.data.generation > seen
            &&' 'session.data.generation > seen + 1000
            &&' \
    refresh::rf_04_fifty_parallel_requests_make_one_refresh
fault RF-12 valetkey/src/flow/refresh.rs \
    'None => {
                        // Signed out meanwhile: nobody needs these any more.
                        self.revoke_quietly(&session).await;' 'None => {' \
    revocation::rf_12_signing_out_or_revoking_during_a_refresh_leaves_no_token_alive
fault RS-05 valetkey/src/api.rs \
    'response.bearer_error() == Some(BearerError::InsufficientScope)' 'false' \
    resource::rs_05_a_missing_scope_is_not_mended_by_a_new_token
fault RS-10 valetkey/src/events.rs \
    'HARMLESS.contains(&name)' 'HARMLESS.contains(&name) || name != ""' \
    secrets::te_19_rf_07_rs_10_sc_12_a_whole_life_prints_no_secret
fault SC-07 valetkey/src/cookie.rs \
    'state_hash[..6]' 'state_hash[..0]' \
    session::sc_07_two_tabs_sign_in_side_by_side

printf '| Row | Fault in | Test | Verdict |\n|---|---|---|---|\n%s' "$table"
exit "$failed"
