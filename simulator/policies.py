"""Policies of owners: they refuse a credential what anybody may read without one.

The texts are as users report them (SalesforceFoundation/NPSP#7247, ossf/scorecard#1504,
refined-github#6951, NixOS/org#247).
"""

from simulator.entities import Account
from simulator.faults import Fault, FaultKind
from simulator.messages import Answer, Call

SAML = "saml"

TEXTS = {
    SAML: (
        "Resource protected by organization SAML enforcement. You must grant your Personal Access"
        " token access to this organization."
    ),
    "ip": (
        "Although you appear to have the correct authorization credentials, the `{login}`"
        " organization has an IP allow list enabled, and your IP address is not permitted to access"
        " this resource."
    ),
    "classic": (
        "`{login}` forbids access via a personal access token (classic). Please use a GitHub App,"
        " OAuth App, or a personal access token with fine-grained permissions."
    ),
    "lifetime": (
        "The '{login}' organization forbids access via a fine-grained personal access tokens if the"
        " token's lifetime is greater than 366 days. Please adjust your token's lifetime at the"
        " following URL: https://github.com/settings/personal-access-tokens/1"
    ),
    "app": (
        "Although you appear to have the correct authorization credentials, the `{login}`"
        " organization has enabled OAuth App access restrictions, meaning that data access to"
        " third-parties is limited."
    ),
}


def policy_of(call: Call, account: Account) -> Fault | None:
    """Return the policy by which an account refuses the caller; none refuses anonymous callers."""
    if not call.credential.authenticated:
        return None
    return next(
        (
            fault
            for fault in call.faults
            if fault.kind is FaultKind.POLICY and fault.login in {None, account.login}
        ),
        None,
    )


def message(policy: Fault, account: Account) -> str:
    """Return GitHub's words for a policy."""
    return TEXTS[policy.text or "ip"].format(login=account.login)


def refusal(call: Call, account: Account) -> Answer | None:
    """Return the answer of the REST API to a caller that an account refuses."""
    policy = policy_of(call, account)
    if policy is None:
        return None
    answer = Answer.error(403, message(policy, account))
    if policy.text == SAML:
        url = f"https://github.com/orgs/{account.login}/sso?authorization_request=A"
        answer.headers["x-github-sso"] = f"required; url={url}"
    return answer
