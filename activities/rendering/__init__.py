"""What customers read: from `templates/` and the facts to a subject, a text and an HTML part."""

from activities.rendering.background import Background, background
from activities.rendering.facts import Facts, facts_for, lacks
from activities.rendering.lint import Problem, lint
from activities.rendering.offers import offers
from activities.rendering.registry import TEMPLATES, Template, TemplateFault, registry
from activities.rendering.render import Draft, Drafted, Rendered, draft_for, render, wanted

__all__ = [
    "TEMPLATES",
    "Background",
    "Draft",
    "Drafted",
    "Facts",
    "Problem",
    "Rendered",
    "Template",
    "TemplateFault",
    "background",
    "draft_for",
    "facts_for",
    "lacks",
    "lint",
    "offers",
    "registry",
    "render",
    "wanted",
]
