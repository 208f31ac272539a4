"""Addresses of the public face. They are printed in letters and kept by people: they never change."""

from django.urls import path

from safehold.public import appeals, policy_pages, probes, removing, reporting, views

app_name = "public"
urlpatterns = [
    path("", views.start, name="start"),
    path("language/<str:code>", views.language, name="language"),
    path("report", reporting.report, name="report"),
    path("law-enforcement", views.law_enforcement, name="law-enforcement"),
    path("emergency", reporting.emergency, name="emergency"),
    path("r", reporting.lookup, name="lookup"),
    path("r/<str:code>", reporting.receipt, name="receipt"),
    path("r/<str:code>/links", reporting.receipt_locators, name="receipt-locators"),
    path("removal", removing.removal, name="removal"),
    path("removal/r/<str:code>", removing.receipt, name="removal-receipt"),
    path("removal/appeal/<str:token>", removing.objection, name="removal-objection"),
    path("appeal/<str:token>", appeals.appeal, name="appeal"),
    path("policy", policy_pages.present, name="policy-now"),
    path("policy/<str:version>/<str:lang>", policy_pages.document, name="policy"),
    path("policies/<slug:name>", policy_pages.present, name="policy-own-now"),
    path("policies/<slug:name>/<str:version>/<str:lang>", policy_pages.document, name="policy-own"),
    path("healthz", probes.alive, name="healthz"),
    path("readyz", probes.ready, name="readyz"),
]
