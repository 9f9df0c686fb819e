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

AUTHORITIES = ("operator", "bureau", "association")
"""What an organization is whose members are staff; the security administrator says so."""

REGISTER_KINDS = Choices(
    (
        Choice("enterprise", _l("Enterprise user"), "i"),
        Choice("ordinary", _l("Ordinary user")),
    )
)

ANNOUNCEMENT_KINDS = Choices(
    (
        Choice("notice", _l("Notices")),
        Choice("policy", _l("Policy")),
        Choice("news", _l("News")),
        Choice("sme", _l("SME column")),
        Choice("publicity", _l("Public notices")),
        Choice("system", _l("System announcements")),
        Choice("guide", _l("Guides")),
        Choice("picture", _l("In one picture")),
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
        Choice("association", _l("Enterprise service association")),
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

CONSULTANT_STATES = Choices(
    (
        Choice("none", _l("Not registered")),
        Choice("invited", _l("Invited"), "i"),
        Choice("expired", _l("Invitation over"), "w"),
        Choice("accepted", _l("To be completed"), "i"),
        Choice("in_review", _l("Under review"), "i"),
        Choice("returned", _l("Returned"), "w"),
        Choice("linked", _l("Linked"), "s"),
        Choice("unlinked", _l("Unlinked")),
    )
)
SERVING = ("accepted", "in_review", "returned", "linked")
"""The states of a consultant whose account belongs to an institution; of one at a time."""

INVITATION_STATES = Choices(
    (
        Choice("open", _l("Waiting for an answer"), "i"),
        Choice("used", _l("Accepted"), "s"),
        Choice("expired", _l("Expired"), "w"),
        Choice("void", _l("Replaced or taken back")),
    )
)

UNLINK_REASONS = Choices(
    (
        Choice("left", _l("Has left")),
        Choice("transfer", _l("Other duties")),
        Choice("project", _l("End of the cooperation")),
        Choice("other", _l("Other reasons")),
    )
)

SEXES = Choices((Choice("male", _l("Male")), Choice("female", _l("Female"))))

MEMBER_KINDS = Choices(
    (
        Choice("unit", _l("Member unit")),
        Choice("director", _l("Director unit")),
        Choice("standing", _l("Standing director unit")),
    )
)

IN_PARK = Choices(
    (
        Choice("yes", _l("Yes, in the park"), "s"),
        Choice("no", _l("No, outside the park")),
    )
)
"""是否区内企业: where the profile asks, those outside register as ordinary users (S4-1)."""

ASSOCIATION_STATES = Choices(
    (
        Choice("none", _l("Not a member")),
        Choice("applying", _l("Membership under review"), "i"),
        Choice("member", _l("Member"), "s"),
        Choice("expired", _l("Membership expired"), "w"),
    )
)

PRODUCT_KINDS = Choices(
    (
        Choice("standard", _l("Standard product")),
        Choice("special", _l("Special product"), "i"),
    )
)

STANDARD_STATES = Choices(
    (
        Choice("active", _l("In use"), "s"),
        Choice("off", _l("Switched off")),
    )
)

PRODUCT_STATES = Choices(
    (
        Choice("in_review", _l("Under review"), "i"),
        Choice("returned", _l("Returned"), "w"),
        Choice("refused", _l("Refused"), "d"),
        Choice("withdrawn", _l("Withdrawn")),
        Choice("waiting", _l("To be listed"), "i"),
        Choice("listed", _l("On sale"), "s"),
        Choice("delisted", _l("Delisted")),
        Choice("forced", _l("Delisted by the platform"), "d"),
        Choice("expired", _l("Listing expired"), "w"),
    )
)

POOL_STATES = Choices(
    (
        Choice("active", _l("In the product pool"), "s"),
        Choice("ended", _l("Left the product pool")),
    )
)

REVISION_STATES = Choices(
    (
        Choice("none", "—"),
        Choice("in_review", _l("Revision under review"), "i"),
        Choice("returned", _l("Revision returned"), "w"),
    )
)
"""What becomes of a change to a product that stays as it is meanwhile."""

PRICE_MODES = Choices(
    (
        Choice("fixed", _l("Fixed price")),
        Choice("range", _l("Price range")),
        Choice("from", _l("Starting price")),
        Choice("negotiable", _l("Negotiable")),
        Choice("free", _l("Free of charge"), "s"),
    )
)

PRICE_UNITS = Choices(
    (
        Choice("time", _l("per time")),
        Choice("project", _l("per project")),
        Choice("person_day", _l("per person-day")),
        Choice("person", _l("per person")),
        Choice("month", _l("per month")),
        Choice("year", _l("per year")),
        Choice("set", _l("per set")),
        Choice("copy", _l("per copy")),
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
        Choice("product", _l("Products on sale"), "s"),
        Choice("demand", _l("Demands and transactions"), "i"),
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
        Choice("membership.result", _l("Result of a membership request")),
        Choice("licence.expiring", _l("Qualification expiring")),
        Choice("product.listed", _l("Product on sale")),
        Choice("product.approved_wait", _l("Product approved")),
        Choice("product.delisted", _l("Product delisted by the platform")),
        Choice("product.expiring", _l("Listing expiring")),
        Choice("product.stale", _l("Product data to be confirmed")),
        Choice("pool.drift", _l("On sale outside the pool")),
        Choice("demand.new", _l("New demand")),
        Choice("demand.late", _l("Demand waiting")),
        Choice("demand.stale", _l("Demand without news")),
        Choice("demand.result", _l("Result of a demand")),
        Choice("demand.disputed", _l("Demand disputed")),
        Choice("demand.ruled", _l("Dispute decided")),
        Choice("demand.closed", _l("Demand ended")),
        Choice("consultant.invited", _l("Invitation of a consultant")),
        Choice("consultant.reminder", _l("Invitation expiring")),
        Choice("consultant.expired", _l("Invitation expired")),
        Choice("consultant.linked", _l("Consultant linked")),
        Choice("consultant.unlinked", _l("Link ended")),
        Choice("score.monthly", _l("Activity score of a month")),
        Choice("demand.file_deal", _l("File the transaction")),
        Choice("transaction.approved", _l("Transaction filed")),
        Choice("transaction.voided", _l("Filing voided")),
        Choice("rating.invite", _l("Please rate")),
        Choice("rating.received", _l("New rating")),
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
        Choice("association", _l("Request for membership of the association")),
        Choice("demand", _l("Service demand")),
        Choice("demand_contact", _l("Record of a contact")),
        Choice("demand_file", _l("File of a demand")),
        Choice("demand_contact_file", _l("File of a contact")),
        Choice("standard_product", _l("Standard product")),
        Choice("standard_step", _l("Step of a standard product")),
        Choice("product", _l("Product")),
        Choice("product_consultant", _l("Consultant of a product")),
        Choice("product_review", _l("Application of a product")),
        Choice("product_highlight", _l("Highlight in an application")),
        Choice("product_step", _l("Step in an application")),
        Choice("product_case", _l("Service case in an application")),
        Choice("product_proof", _l("Proof in an application")),
        Choice("review_consultant", _l("Consultant in an application")),
        Choice("text_picture", _l("Picture in a text")),
        Choice("consultant", _l("Service consultant")),
        Choice("consultant_certificate", _l("Certificate of a consultant")),
        Choice("consultant_link", _l("Period of service of a consultant")),
        Choice("consultant_review", _l("Review of a consultant")),
        Choice("reviewed_certificate", _l("Certificate in a review")),
        Choice("invitation", _l("Invitation of a consultant")),
        Choice("filing", _l("Transaction filing")),
        Choice("filing_contract", _l("Contract of a filing")),
        Choice("filing_invoice", _l("Invoice of a filing")),
        Choice("rating", _l("Rating")),
        Choice("flow_case", _l("Case")),
        Choice("flow_event", _l("Log of cases")),
        Choice("flow_route", _l("Route of a flow")),
        Choice("flow_stage", _l("Stage of a route")),
        Choice("activity", _l("Activity filing")),
        Choice("activity_proof", _l("Proof of an activity")),
        Choice("score_formula", _l("Formula of the activity score")),
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

ACTIVITY_STATES = Choices(
    (
        Choice("draft", _l("Draft")),
        Choice("in_review", _l("Activity under review"), "i"),
        Choice("returned", _l("Returned"), "w"),
        Choice("approved", _l("Credited"), "s"),
        Choice("refused", _l("Not credited"), "d"),
        Choice("withdrawn", _l("Withdrawn")),
    )
)

ACTIVITY_ROLES = Choices(
    (
        Choice("host", _l("Host")),
        Choice("undertake", _l("Organiser")),
        Choice("assist", _l("Co-organiser")),
    )
)
"""What an institution was of an activity (S4-14): 主办, 承办, 协办."""

ACTIVITY_SOURCES = Choices(
    (
        Choice("online", _l("Filed online")),
        Choice("mail", _l("Entered from a mail"), "i"),
    )
)

SCORE_SUBJECTS = Choices(
    (
        Choice("institution", _l("Institution")),
        Choice("consultant", _l("Consultant")),
    )
)

SCORE_GROUPS = Choices(
    (
        Choice("profile", _l("Profile complete")),
        Choice("consultant", _l("Linked consultants")),
        Choice("product", _l("Listed products")),
        Choice("demand_intime", _l("First contact in time")),
        Choice("demand_late", _l("Contact too late")),
        Choice("demand_won", _l("Demands won")),
        Choice("tx_count", _l("Transactions filed (number)")),
        Choice("tx_amount", _l("Transactions filed (amount)")),
        Choice("rating", _l("Ratings received")),
        Choice("rating_given", _l("Ratings given")),
        Choice("activity", _l("Public-benefit activities")),
        Choice("stale", _l("Data not updated")),
    )
)
"""What points are given for; a month counts each up to its cap."""

SCORE_ITEMS = Choices(
    (
        Choice("profile", _l("Profile complete")),
        Choice("consultant", _l("Linked consultants")),
        Choice("product_special", _l("Listed special products")),
        Choice("product_standard", _l("Listed standard products")),
        Choice("demand_intime", _l("First contact in time")),
        Choice("demand_late", _l("Contact too late")),
        Choice("demand_won", _l("Demand won")),
        Choice("tx_count", _l("Transaction filed (number)")),
        Choice("tx_amount", _l("Transaction filed (amount)")),
        Choice("rating", _l("Rating received")),
        Choice("rating_given", _l("Rating given")),
        Choice("activity_host", _l("Activity as host")),
        Choice("activity_undertake", _l("Activity as organiser")),
        Choice("activity_assist", _l("Activity as co-organiser")),
        Choice("stale", _l("Data not updated")),
    )
)
"""What one score entry is for; several items may share a group and its cap."""

FORMULA_STATES = Choices(
    (
        Choice("draft", _l("Draft")),
        Choice("published", _l("Published"), "s"),
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

DEMAND_TARGETS = Choices(
    (
        Choice("institution", _l("An institution")),
        Choice("consultant", _l("A consultant")),
        Choice("product", _l("A special product")),
        Choice("standard", _l("A standard product")),
        Choice("open", _l("Open demand"), "i"),
    )
)

DEMAND_STATES = Choices(
    (
        Choice("open", _l("To be assigned"), "i"),
        Choice("waiting", _l("To be contacted"), "w"),
        Choice("contacted", _l("Contacted"), "i"),
        Choice("following", _l("In talks"), "i"),
        Choice("won", _l("Deal made"), "s"),
        Choice("lost", _l("No deal")),
        Choice("disputed", _l("Disputed"), "d"),
        Choice("closed", _l("Closed")),
    )
)
DEMAND_RUNNING = ("open", "waiting", "contacted", "following")
"""The states in which somebody still has to speak with the enterprise."""

URGENCIES = Choices(
    (
        Choice("normal", _l("Not urgent")),
        Choice("soon", _l("Rather urgent"), "w"),
        Choice("urgent", _l("Urgent"), "d"),
    )
)

CALL_TIMES = Choices(
    (
        Choice("any", _l("Any time")),
        Choice("am", _l("In the morning")),
        Choice("pm", _l("In the afternoon")),
    )
)

CONFIRMATIONS = Choices(
    (
        Choice("none", _l("No answer yet")),
        Choice("confirmed", _l("True"), "s"),
        Choice("disputed", _l("Disputed"), "d"),
    )
)

CONTACT_CHANNELS = Choices(
    (
        Choice("phone", _l("Telephone")),
        Choice("visit", _l("Visit at the enterprise")),
        Choice("meeting", _l("Talk at our place")),
        Choice("online", _l("Online meeting")),
        Choice("wechat", _l("WeChat")),
        Choice("mail", _l("By mail")),
    )
)

CONTACT_RESULTS = Choices(
    (
        Choice("no_answer", _l("Not reached"), "w"),
        Choice("contacted", _l("Contacted"), "i"),
        Choice("following", _l("In talks"), "i"),
        Choice("won", _l("Deal made"), "s"),
        Choice("lost", _l("No deal")),
        Choice("invalid", _l("Not a real demand"), "d"),
    )
)

FILING_KINDS = Choices(
    (
        Choice("park", _l("Transaction in the park")),
        Choice("online_offline", _l("Met online, closed offline")),
        Choice("government", _l("Commissioned or bought by an authority")),
    )
)

FILED_SERVICES = Choices(
    (
        Choice("standard", _l("Standard product")),
        Choice("special", _l("Special product")),
        Choice("free", _l("Another service")),
    )
)

FILING_STATES = Choices(
    (
        Choice("draft", _l("Draft")),
        Choice("in_review", _l("To be reviewed"), "i"),
        Choice("returned", _l("Sent back"), "w"),
        Choice("approved", _l("Filed"), "s"),
        Choice("refused", _l("Refused"), "d"),
        Choice("withdrawn", _l("Withdrawn")),
        Choice("void", _l("Voided"), "d"),
    )
)
"""A case's states in the words of transactions; a filed one may be voided."""

RATING_DIRECTIONS = Choices(
    (
        Choice("buyer_to_provider", _l("Enterprise on institution")),
        Choice("provider_to_buyer", _l("Institution on enterprise")),
    )
)

RATING_STATES = Choices(
    (
        Choice("waiting", _l("To be rated"), "w"),
        Choice("hidden_pair", _l("Rated, the other side has not yet"), "i"),
        Choice("shown", _l("Rated"), "s"),
        Choice("closed", _l("Rating closed")),
        Choice("masked", _l("Hidden by the platform"), "d"),
    )
)

HIDE_REASONS = Choices(
    (
        Choice("abuse", _l("Insult")),
        Choice("ad", _l("Advertisement")),
        Choice("privacy", _l("Discloses private data")),
        Choice("false", _l("Verified as untrue"), "d"),
        Choice("other", _l("Another reason")),
    )
)

IMPORT_MODES = Choices(
    (
        Choice("all", _l("Import only if every row is right")),
        Choice("skip", _l("Skip rows with faults")),
    )
)

IMPORT_STATES = Choices(
    (
        Choice("checking", _l("Being checked"), "i"),
        Choice("previewed", _l("To be confirmed"), "w"),
        Choice("running", _l("Being imported"), "i"),
        Choice("done", _l("Imported"), "s"),
        Choice("partly", _l("Partly imported"), "w"),
        Choice("cancelled", _l("Cancelled")),
        Choice("failed", _l("Not imported"), "d"),
        Choice("undoing", _l("Being taken back"), "i"),
        Choice("undone", _l("Taken back")),
    )
)

IMPORT_ROW_STATES = Choices(
    (
        Choice("waiting", _l("Not checked yet")),
        Choice("good", _l("In order"), "s"),
        Choice("faulty", _l("Has faults"), "d"),
        Choice("imported", _l("Imported"), "s"),
        Choice("undone", _l("Taken back")),
        Choice("kept", _l("Kept"), "w"),
    )
)
