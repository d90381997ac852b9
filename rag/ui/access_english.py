"""The words of signing in and out in English."""

ACCESS_EN = {
    "sign_in": "Sign in",
    "sign_in_title": "Sign in to Fumikura",
    "sign_in_name": "Name",
    "sign_in_password": "Password",
    "sign_in_wrong": "Name and password do not match. Check both and try again.",
    "sign_in_wait": "Too many sign-ins failed. Try again in {minutes} min.",
    "sign_in_provider": "Sign in with your organization",
    "sign_in_unknown": "Your organization knows you, but nobody has let you in here. Ask an "
    "administrator of Fumikura to add your e-mail address.",
    "sign_in_no_authlib": "Signing in is not ready: the package Authlib is missing. Whoever runs "
    "Fumikura installs it with `pip install -r requirements-oidc.txt`.",
    "sign_in_no_provider": "Signing in is not ready: there is no provider in "
    ".streamlit/secrets.toml. docs/security.md tells whoever runs Fumikura how to name one.",
    "sign_in_unusable": "Signing in does not work at the moment. The terminal that runs Fumikura "
    "says why.",
    "sign_in_opening": "Opening Fumikura …",
    "sign_in_other_language": "日本語",
    "signed_in_as": "Signed in as {name}",
    "signed_in_as_admin": "Signed in as {name}, administrator",
    "sign_out": "Sign out",
    "tagline_shared": "Ask the documents of this server. Nothing leaves it but what you see.",
    "signed_out": "You are signed out.",
    "empty_reader": "There are no documents yet. An administrator adds them.",
    "feedback_is_read": "Administrators read feedback, with the question and the answer.",
    "audit_failed": "The audit log cannot be written ({problem}).",
}
