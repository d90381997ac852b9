"""The words of signing in and out in Japanese."""

ACCESS_JA = {
    "sign_in": "サインイン",
    "sign_in_title": "文庫にサインイン",
    "sign_in_name": "ユーザー名",
    "sign_in_password": "パスワード",
    "sign_in_wrong": "ユーザー名かパスワードが違います。ご確認のうえ、もう一度お試しください。",
    "sign_in_wait": "サインインの失敗が続きました。{minutes}分後にもう一度お試しください。",
    "sign_in_provider": "組織のアカウントでサインイン",
    "sign_in_unknown": "組織のアカウントは確認できましたが、この文庫の利用が許可されていません。"
    "管理者にメールアドレスの登録を依頼してください。",
    "sign_in_no_authlib": "サインインの準備ができていません。Authlib パッケージがありません。"
    "運用担当者が `pip install -r requirements-oidc.txt` で導入してください。",
    "sign_in_no_provider": "サインインの準備ができていません。.streamlit/secrets.toml に認証"
    "プロバイダーの設定がありません。設定方法は docs/security.md をご覧ください。",
    "sign_in_unusable": "現在サインインできません。原因は、文庫を動かしている端末に表示されます。",
    "sign_in_opening": "文庫を開いています…",
    "sign_in_other_language": "English",
    "signed_in_as": "{name} としてサインイン中",
    "signed_in_as_admin": "{name}（管理者）としてサインイン中",
    "sign_out": "サインアウト",
    "tagline_shared": "このサーバーの文書に質問できます。表示される内容以外は外に出ません。",
    "signed_out": "サインアウトしました。",
    "empty_reader": "文書はまだありません。管理者が追加します。",
    "feedback_is_read": "フィードバックは、質問と回答とともに管理者が読みます。",
    "audit_failed": "監査ログに書き込めません（{problem}）。",
}
