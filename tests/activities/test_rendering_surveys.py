"""Where customers say what they think, when that is a survey kept elsewhere."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from activities.crm.tables import message_id
from activities.rendering import registry, render, tokens
from activities.rendering.registry import Template
from activities.settings import Settings
from tests.activities.rendering import KEY, PUBLIC, SECRET, a_person, facts

SURVEY = "https://www.surveymonkey.com/r/ABC123"


def answered(address: str) -> str | None:
    """The message that a link's custom variable proves."""
    (token,) = parse_qs(urlsplit(address).query)["r"]
    return tokens.read_short(SECRET, "feedback", token)


@pytest.mark.parametrize(
    ("survey", "begins"),
    [
        (SURVEY, f"{SURVEY}?r="),
        (f"{SURVEY}?r=[r_value]", f"{SURVEY}?r="),  # as SurveyMonkey shows it
        (f"{SURVEY}?lang=de&r=x&q=", f"{SURVEY}?lang=de&q=&r="),
        (f"{SURVEY}#top", f"{SURVEY}?r="),
    ],
)
def test_the_link_leads_to_the_survey(survey: str, begins: str) -> None:
    """With the token of its message as the custom variable `r`, and what else it had."""
    address = str(facts(survey=survey)["links"].feedback)
    assert address.startswith(begins)
    assert answered(address) == message_id(KEY)


def test_mail_of_a_case_asks_in_our_own_form() -> None:
    """Whether it was put right is for us to hear: no survey closes a case, or opens it again."""
    known = facts(survey=SURVEY, follow_up="case.case_1")
    assert known["links"].feedback.startswith(f"{PUBLIC}/f/")


def test_it_is_ours_unless_the_setting_says_otherwise() -> None:
    """A link without the choice changes nothing, nor does the choice without a link."""
    chosen = Settings(_env_file=None, surveys="surveymonkey", surveymonkey_link=SURVEY)
    assert chosen.survey == SURVEY
    assert Settings(_env_file=None, surveymonkey_link=SURVEY).survey == ""
    assert Settings(_env_file=None, surveys="surveymonkey").survey == ""
    assert facts()["links"].feedback.startswith(f"{PUBLIC}/f/")


def asking() -> list[Template]:
    return [one for one in registry().values() if "feedback" in one.links]


@pytest.mark.parametrize("template", asking(), ids=lambda one: one.name)
def test_every_message_that_asks_leads_there(template: Template) -> None:
    """No template spells out our own form's address."""
    known = facts(a_person(), survey=SURVEY)
    said = render(template.name, "en", "email", known)
    assert str(known["links"].feedback) in said.text
    assert "/f/" not in said.text
