"""The fixed choices: codes that code depends on, with their words and badge colours.

What staff may extend (industries, service categories …) is a dictionary, not a choice.
"""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from app.columns import Choice, Choices

MAIN_ACCOUNT, SUB_ACCOUNT = "main_account", "sub_account"
"""What a member of an organization is by its membership; nobody is given these roles otherwise."""

RIGHTS = Choices(
    (
        Choice("view", _l("View")),
        Choice("edit", _l("Add and edit")),
        Choice("submit", _l("Submit")),
        Choice("export", _l("Export")),
    )
)
"""What a sub-account may do with an entry of the menu (应用内权限)."""

ADMINISTRATORS = ("sysadmin", "secadmin", "auditor")
"""The three administrators (三员): whoever holds one of these roles holds no other."""
AUDITOR = ADMINISTRATORS[2]

AUTHORITIES = ("operator", "bureau")
"""What an organization is whose members are staff; the security administrator says so."""

REGISTER_KINDS = Choices(
    (
        Choice("enterprise", _l("Enterprise user"), "i"),
        Choice("ordinary", _l("Ordinary user")),
    )
)

CERTIFICATION = Choices(
    (
        Choice("none", _l("Not certified")),
        Choice("in_review", _l("Under certification review"), "i"),
        Choice("certified", _l("Certified"), "s"),
        Choice("returned", _l("Certification returned"), "w"),
        Choice("refused", _l("Certification refused"), "d"),
        Choice("changing", _l("Change under review"), "i"),
        Choice("expired", _l("Certification expired"), "d"),
    )
)
CERTIFIED = ("certified", "changing")
"""The states in which an organization counts as certified: old data holds while a change waits."""

INSTITUTION_STATES = Choices(
    (
        Choice("none", _l("Not an institution")),
        Choice("in_review", _l("Accreditation under review"), "i"),
        Choice("in_pool", _l("In the pool"), "s"),
        Choice("returned", _l("Accreditation returned"), "w"),
        Choice("refused", _l("Accreditation refused"), "d"),
    )
)

FILED_AS = Choices(
    (
        Choice("enterprise", _l("Enterprise user")),
        Choice("staff", _l("Filed on behalf"), "w"),
    )
)

ORGANIZATION_ROLES = Choices(
    (
        Choice("enterprise", _l("Enterprise")),
        Choice("institution", _l("Institution")),
        Choice("operator", _l("Platform operator")),
        Choice("bureau", _l("City bureau")),
    )
)

CASE_STATES = Choices(
    (
        Choice("draft", _l("Draft")),
        Choice("in_review", _l("Under review"), "i"),
        Choice("returned", _l("Returned"), "w"),
        Choice("approved", _l("Approved"), "s"),
        Choice("refused", _l("Refused"), "d"),
        Choice("withdrawn", _l("Withdrawn")),
    )
)

TASK_STATES = Choices(
    (
        Choice("waiting", _l("Not yet")),
        Choice("open", _l("To do"), "i"),
        Choice("done", _l("Done"), "s"),
        Choice("skipped", _l("Skipped")),
        Choice("void", _l("Void")),
    )
)

DECISIONS = Choices(
    (
        Choice("approve", _l("Approve"), "s"),
        Choice("return", _l("Return"), "w"),
        Choice("refuse", _l("Refuse"), "d"),
        Choice("submit", _l("Submit"), "i"),
    )
)

ACTIONS = Choices(
    (
        Choice("open", _l("Open the case")),
        Choice("submit", _l("Submit"), "i"),
        Choice("approve", _l("Approve"), "s"),
        Choice("return", _l("Return"), "w"),
        Choice("refuse", _l("Refuse"), "d"),
        Choice("withdraw", _l("Withdraw")),
        Choice("transfer", _l("Hand over"), "i"),
    )
)

MEMBER_KINDS = Choices(
    (
        Choice("unit", _l("Member unit")),
        Choice("director", _l("Director unit")),
        Choice("standing", _l("Standing director unit")),
    )
)

DAY_KINDS = Choices(
    (
        Choice("off", _l("Holiday"), "w"),
        Choice("work", _l("Make-up working day"), "i"),
    )
)

MESSAGE_STATES = Choices(
    (
        Choice("waiting", _l("Waiting"), "i"),
        Choice("sending", _l("Being sent"), "i"),
        Choice("retry", _l("Trying again"), "w"),
        Choice("sent", _l("Sent"), "s"),
        Choice("dead", _l("Given up"), "d"),
    )
)

CHANNELS = Choices(
    (
        Choice("inapp", _l("On the platform")),
        Choice("email", _l("Mail")),
        Choice("sms", _l("SMS")),
    )
)

TOPICS = Choices(
    (
        Choice("account", _l("Account and security"), "w"),
        Choice("task", _l("To-do items"), "i"),
        Choice("case", _l("Progress of applications"), "s"),
        Choice("organization", _l("Organization and qualifications"), "i"),
        Choice("system", _l("Running of the platform")),
    )
)

OCCASIONS = Choices(
    (
        Choice("account.registered", _l("Registered")),
        Choice("account.code", _l("Verification code")),
        Choice("account.join_asked", _l("Request to join")),
        Choice("account.main_changed", _l("Main account changed")),
        Choice("account.left", _l("Membership ended")),
        Choice("account.password_reset", _l("Password reset")),
        Choice("account.reset_link", _l("Link for a new password")),
        Choice("account.phone_changed", _l("Phone changed")),
        Choice("account.email_changed", _l("E-mail address changed")),
        Choice("account.locked", _l("Account locked")),
        Choice("account.password_expiring", _l("Password expiring")),
        Choice("account.idle", _l("Account unused")),
        Choice("subaccount.created", _l("Sub-account ready")),
        Choice("task.assigned", _l("New task")),
        Choice("task.reminder", _l("Task reminder")),
        Choice("task.overdue", _l("Task overdue")),
        Choice("case.submitted", _l("Application submitted")),
        Choice("case.stage", _l("Review progress")),
        Choice("case.returned", _l("Application returned")),
        Choice("case.approved", _l("Application approved")),
        Choice("case.refused", _l("Application not approved")),
        Choice("case.withdrawn", _l("Application withdrawn")),
        Choice("cert.pending", _l("Certifications waiting")),
        Choice("cert.approved", _l("Enterprise certified")),
        Choice("cert.returned", _l("Certification returned to the enterprise")),
        Choice("institution.result", _l("Result of an accreditation request")),
        Choice("licence.expiring", _l("Qualification expiring")),
        Choice("job.failed", _l("Job failed")),
        Choice("audit.head", _l("End of the audit log")),
        Choice("outbox.dead", _l("Message given up")),
    )
)
"""What people are told of; :data:`app.messages.OCCASIONS` says how."""

AUDIT_RESULTS = Choices(
    (
        Choice("ok", _l("Done"), "s"),
        Choice("failed", _l("Failed"), "w"),
        Choice("denied", _l("Refused by the system"), "d"),
    )
)

AUDIT_KINDS = Choices(
    (
        Choice("ab_user", _l("Account")),
        Choice("ab_role", _l("Role")),
        Choice("organization", _l("Organization")),
        Choice("org_role", _l("Role of an organization")),
        Choice("qualification", _l("Qualification certificate")),
        Choice("membership", _l("Membership of an organization")),
        Choice("join_request", _l("Request to join")),
        Choice("main_account_change", _l("Change of the main account")),
        Choice("certification", _l("Enterprise certification")),
        Choice("organization_change", _l("Change of certified data")),
        Choice("change_proof", _l("Proof of a change")),
        Choice("accreditation", _l("Application of an institution")),
        Choice("accreditation_qualification", _l("Certificate in an application")),
        Choice("accreditation_case", _l("Typical case in an application")),
        Choice("flow_case", _l("Case")),
        Choice("flow_event", _l("Log of cases")),
        Choice("flow_route", _l("Route of a flow")),
        Choice("flow_stage", _l("Stage of a route")),
        Choice("announcement", _l("Announcement")),
        Choice("agreement", _l("Agreement")),
        Choice("consent", _l("Consent to an agreement")),
        Choice("attachment", _l("File")),
        Choice("message", _l("Message")),
        Choice("scheduled_job", _l("Scheduled job")),
        Choice("login_session", _l("Login")),
        Choice("setting", _l("Setting")),
        Choice("region", _l("Region")),
        Choice("dict_item", _l("Dictionary item")),
        Choice("holiday", _l("Holiday or working day")),
        Choice("audit_entry", _l("Audit log")),
        Choice("page", _l("Page")),
        Choice("backup", _l("Backup")),
    )
)
"""What lines of the audit log are about: rows of tables, and pages that were denied."""

AUDIT_ACTIONS = Choices(
    (
        Choice("login", _l("Log in"), "i"),
        Choice("login_failed", _l("Failed login"), "w"),
        Choice("logout", _l("Log out")),
        Choice("session_end", _l("End a login")),
        Choice("lock", _l("Lock an account"), "w"),
        Choice("unlock", _l("Unlock an account"), "i"),
        Choice("password_change", _l("Change the password"), "i"),
        Choice("password_reset", _l("Reset a password"), "w"),
        Choice("phone_change", _l("Change the bound phone"), "i"),
        Choice("role_change", _l("Change roles"), "w"),
        Choice("denied", _l("Denied access"), "d"),
        Choice("reveal", _l("View personal data"), "w"),
        Choice("read", _l("Read an application or a file")),
        Choice("export", _l("Export"), "w"),
        Choice("create", _l("Create"), "s"),
        Choice("change", _l("Change"), "i"),
        Choice("delete", _l("Delete"), "d"),
        Choice("case.open", _l("Open the case")),
        Choice("case.submit", _l("Submit"), "i"),
        Choice("case.approve", _l("Approve"), "s"),
        Choice("case.return", _l("Return"), "w"),
        Choice("case.refuse", _l("Refuse"), "d"),
        Choice("case.withdraw", _l("Withdraw")),
        Choice("case.transfer", _l("Hand over"), "i"),
        Choice("setting", _l("Change a setting"), "w"),
        Choice("job_run", _l("Run a job"), "i"),
        Choice("job_pause", _l("Pause a job"), "w"),
        Choice("job_resume", _l("Resume a job"), "i"),
        Choice("resend", _l("Send a message again"), "i"),
        Choice("verify", _l("Verify the log"), "i"),
        Choice("backup", _l("Back up"), "i"),
        Choice("restore", _l("Restore"), "w"),
    )
)

LOGIN_ACTIONS = (
    "login", "login_failed", "logout", "session_end", "lock", "unlock", "password_change",
    "password_reset",
)  # fmt: skip
"""The actions of the login log; its index names them too."""

JOB_STATES = Choices(
    (
        Choice("active", _l("On schedule"), "s"),
        Choice("paused", _l("Paused"), "w"),
    )
)

RUN_KINDS = Choices(
    (
        Choice("planned", _l("As planned")),
        Choice("asked", _l("By hand"), "i"),
        Choice("trial", _l("Dry run"), "i"),
    )
)

RUN_STATES = Choices(
    (
        Choice("waiting", _l("Waiting to run"), "i"),
        Choice("running", _l("Running"), "i"),
        Choice("done", _l("Succeeded"), "s"),
        Choice("failed", _l("Failed"), "d"),
        Choice("skipped", _l("Skipped")),
    )
)

END_REASONS = Choices(
    (
        Choice("logout", _l("Logged out")),
        Choice("ended", _l("Ended by the user")),
        Choice("forced", _l("Ended by an administrator"), "w"),
        Choice("password", _l("Password changed")),
        Choice("phone", _l("Phone changed")),
        Choice("roles", _l("Roles changed")),
        Choice("off", _l("Account switched off"), "w"),
    )
)
"""Why a login ended before its time."""

AGREEMENTS = Choices(
    (
        Choice("user_agreement", _l("User agreement")),
        Choice("privacy_policy", _l("Privacy policy")),
    )
)

AGREEMENT_STATES = Choices(
    (
        Choice("draft", _l("Draft")),
        Choice("published", _l("Published"), "s"),
    )
)

ACCOUNT_STATES = Choices(
    (
        Choice("active", _l("In use"), "s"),
        Choice("unverified", _l("To be activated"), "w"),
        Choice("locked", _l("Locked"), "d"),
        Choice("off", _l("Switched off")),
    )
)
