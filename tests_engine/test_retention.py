"""Retention: a truth table worked out by hand, an independent judge, and what holds day by day."""

import calendar
import dataclasses
import datetime
import functools
import itertools
import random

import pandas as pd
import pytest
from conftest import examples
from engine import retention, schema
from engine.retention import candidate, effective, retain
from engine.rules import CriterionRule, PolicyRules, RetentionRules, TierRule
from hypothesis import given
from hypothesis import strategies as st

# Bronze < silver < gold < platinum, with keys in another order; X is a tier that was archived.
KEYS = {"B": 30, "S": 10, "G": 20, "P": 40, "X": 99, "-": None}
LETTERS = {key: letter for letter, key in KEYS.items()}
LADDER = [TierRule(KEYS[letter]) for letter in "BSGP"]
STATES = [schema.PREVIOUS_TIER, schema.PREVIOUS_SINCE, schema.PENDING_TIER, schema.PENDING_DATE]
RESULT = [schema.COMPUTED_TIER, schema.COMPUTED_SINCE, schema.PENDING_TIER, schema.PENDING_DATE]
DTYPES = {
    schema.COMPUTED_TIER: "Int64",
    schema.COMPUTED_SINCE: "datetime64[s]",
    schema.PENDING_TIER: "Int64",
    schema.PENDING_DATE: "datetime64[s]",
    schema.REASON: "object",
}

# The truth table --------------------------------------------------------------------------
#
# A line with a colon at its end names the case of the line below it:
#   tier and since | announced | first order | candidate | as of | rules | mode -> tier and since | announced | reason
# Days without a year are of 2024, a leap year; "old" is 1 January 2020, "-" nothing. Rules like "grace 30" hold
# for every tier, "G grace 30" for gold only; "all" is grace 30, stay 90, protection 60, month end, one step.
# "run!" is a run where only credit notes caused the drop, "run~" one before which nobody bought. "wait 7" is an upgrade
# that waits for 7 days, and "G far S" a candidate G who need not wait for S.

TABLE = """
a new customer gets the first tier at once:
-            | -       | 06-01 | S | 06-01 | grace 30, stay 90, month end -> run: S 06-01 | - | first
a prospect has no tier:
-            | -       | -     | - | 06-01 | none -> run: - | - | -
a buyer whose orders were all cancelled has no tier, whatever protects from falling:
G 01-10      | -       | -     | - | 06-01 | grace 30, stay 900, protection 900, month end -> run: - | - | none
without a tier nothing is announced any more:
G 01-10      | B 07-01 | -     | - | 06-15 | grace 30 -> run: - | - | none
what an archived tier leaves is the candidate at once:
X 01-10      | -       | old   | B | 06-01 | grace 30, stay 900 -> run: B 06-01 | - | first
the announcement of an archived tier is void:
X 01-10      | B 07-01 | old   | S | 06-15 | grace 30 -> run: S 06-15 | - | first
a prospect of an archived tier has none:
X 01-10      | B 07-01 | -     | - | 06-15 | grace 30 -> run: - | - | -
the same tier again keeps its day:
G 01-10      | -       | old   | G | 06-01 | grace 30 -> run: G 01-10 | - | -
an unknown day of entering stays unknown:
G -          | -       | old   | G | 06-01 | grace 30 -> run: G - | - | -
who is back before the date keeps the tier and its day:
G 01-10      | S 07-01 | old   | G | 06-30 | grace 30 -> run: G 01-10 | - | recovered
who is back on the date keeps the tier:
G 01-10      | S 07-01 | old   | G | 07-01 | grace 30 -> run: G 01-10 | - | recovered
who is back after the date but before the next run keeps the tier:
G 01-10      | S 07-01 | old   | G | 07-05 | grace 30 -> run: G 01-10 | - | recovered
an upgrade is immediate and may skip tiers:
B 05-31      | -       | 05-31 | P | 06-01 | all -> run: P 06-01 | - | up
an upgrade calls an announced downgrade off:
S 01-10      | B 07-01 | old   | G | 06-15 | grace 30 -> run: G 06-15 | - | up
an upgrade on the date of the downgrade wins:
S 01-10      | B 07-01 | old   | P | 07-01 | grace 30 -> run: P 07-01 | - | up

a downgrade is announced for the day after the grace - June has 30 days:
G 01-10      | -       | old   | B | 06-01 | grace 30 -> run: G 01-10 | B 07-01 | announced
the day before the date the tier stays:
G 01-10      | B 07-01 | old   | B | 06-30 | grace 30 -> run: G 01-10 | B 07-01 | waiting
on the date the downgrade takes effect:
G 01-10      | B 07-01 | old   | B | 07-01 | grace 30 -> run: B 07-01 | - | down
a day late it takes effect on the day of the run:
G 01-10      | B 07-01 | old   | B | 07-02 | grace 30 -> run: B 07-02 | - | down
weeks late too:
G 01-10      | B 07-01 | old   | S | 08-15 | grace 30 -> run: S 08-15 | - | down
without grace a downgrade is immediate, and may skip tiers:
P 01-10      | -       | old   | B | 06-01 | none -> run: B 06-01 | - | down
one day of grace is tomorrow:
G 01-10      | -       | old   | S | 06-01 | grace 1 -> run: G 01-10 | S 06-02 | announced
the grace is that of the tier to be left:
G 01-10      | -       | old   | B | 06-01 | P grace 90, G grace 20, B grace 5 -> run: G 01-10 | B 06-21 | announced
the grace of the other tiers does not count:
G 01-10      | -       | old   | B | 06-01 | P grace 90, S grace 60, B grace 5 -> run: B 06-01 | - | down
30 days over a leap day - 14 to the 29th, 16 more:
G 01-10      | -       | old   | B | 02-15 | grace 30 -> run: G 01-10 | B 03-16 | announced
30 days over a common February - 13 to the 28th, 17 more:
G 2023-01-10 | -       | old   | B | 2023-02-15 | grace 30 -> run: G 2023-01-10 | B 2023-03-17 | announced
an announced date does not move when the grace becomes longer:
G 01-10      | B 07-01 | old   | B | 06-15 | grace 90, stay 900 -> run: G 01-10 | B 07-01 | waiting
nor when it becomes shorter:
G 01-10      | B 07-01 | old   | B | 06-15 | none -> run: G 01-10 | B 07-01 | waiting
nor to the end of its month:
G 01-10      | B 07-01 | old   | B | 07-01 | month end -> run: B 07-01 | - | down
a lower candidate lowers the target, not the date:
G 01-10      | S 07-01 | old   | B | 06-15 | grace 30 -> run: G 01-10 | B 07-01 | waiting
a higher one raises it:
G 01-10      | B 07-01 | old   | S | 06-15 | grace 30 -> run: G 01-10 | S 07-01 | waiting
what counts on the date is the candidate of that day:
G 01-10      | S 07-01 | old   | B | 07-01 | grace 30 -> run: B 07-01 | - | down
when the announced tier is archived the target is found anew and the date stays:
G 01-10      | X 07-01 | old   | B | 06-15 | grace 30 -> run: G 01-10 | B 07-01 | waiting
on the date as well:
G 01-10      | X 07-01 | old   | S | 07-01 | grace 30 -> run: S 07-01 | - | down

90 days of stay from 1 January of a leap year - 30 and 29 and 31:
G 01-01      | -       | old   | B | 02-01 | stay 90 -> run: G 01-01 | B 03-31 | announced
90 days of stay from 1 January of a common year:
G 2023-01-01 | -       | old   | B | 2023-02-01 | stay 90 -> run: G 2023-01-01 | B 2023-04-01 | announced
the day before the stay is over is early:
G 01-01      | -       | old   | B | 03-30 | stay 90 -> run: G 01-01 | B 03-31 | announced
the day on which the stay is over is late enough:
G 01-01      | -       | old   | B | 03-31 | stay 90 -> run: B 03-31 | - | down
and the day after it:
G 01-01      | -       | old   | B | 04-01 | stay 90 -> run: B 04-01 | - | down
an unknown day of entering is long ago:
G -          | -       | old   | B | 06-01 | stay 90 -> run: B 06-01 | - | down
and does not shorten the grace:
G -          | -       | old   | B | 06-01 | grace 30, stay 90 -> run: G - | B 07-01 | announced
the stay in another tier does not count:
G 05-01      | -       | old   | B | 06-01 | B stay 90, P stay 90 -> run: B 06-01 | - | down
with the stay over the grace decides:
G 01-01      | -       | old   | B | 05-01 | grace 30, stay 90 -> run: G 01-01 | B 05-31 | announced
within the stay the later day decides - 30 and 30 and 30 from 1 May:
G 05-01      | -       | old   | B | 05-15 | grace 30, stay 90 -> run: G 05-01 | B 07-30 | announced

a new customer is protected for 60 days - 30 to 31 May, 30 more:
G 05-01      | -       | 05-01 | B | 06-01 | protection 60 -> run: G 05-01 | B 06-30 | announced
the day before the protection ends is early:
G 05-01      | -       | 05-01 | B | 06-29 | protection 60 -> run: G 05-01 | B 06-30 | announced
the day on which the protection ends is late enough:
G 05-01      | -       | 05-01 | B | 06-30 | protection 60 -> run: B 06-30 | - | down
and the day after the protection:
G 05-01      | -       | 05-01 | B | 07-01 | protection 60 -> run: B 07-01 | - | down
an unknown first order protects from nothing:
G 05-01      | -       | -     | B | 06-01 | protection 60 -> run: B 06-01 | - | down
60 days from 1 January over a leap day:
G 01-01      | -       | 01-01 | B | 02-10 | protection 60 -> run: G 01-01 | B 03-01 | announced
the latest of three counts - grace 31 March, stay 1 May, protection 14 May:
G 02-01      | -       | 01-15 | B | 03-01 | grace 30, stay 90, protection 120 -> run: G 02-01 | B 05-14 | announced
the latest of three counts - grace 30 May, stay 1 May, protection 14 May:
G 02-01      | -       | 01-15 | B | 03-01 | grace 90, stay 90, protection 120 -> run: G 02-01 | B 05-30 | announced

by month end a downgrade waits for the last day:
G 01-10      | -       | old   | B | 06-10 | month end -> run: G 01-10 | B 06-30 | announced
the day before the last is early:
G 01-10      | -       | old   | B | 06-29 | month end -> run: G 01-10 | B 06-30 | announced
the last day is the day:
G 01-10      | -       | old   | B | 06-30 | month end -> run: B 06-30 | - | down
the first day of a month waits for its end:
G 01-10      | -       | old   | B | 07-01 | month end -> run: G 01-10 | B 07-31 | announced
an announced month end that no run saw is made up for:
G 01-10      | B 06-30 | old   | B | 07-01 | month end -> run: B 07-01 | - | down
a date on a month end already stays there:
G 01-10      | -       | old   | B | 05-31 | grace 30, month end -> run: G 01-10 | B 06-30 | announced
a day later it is a month later:
G 01-10      | -       | old   | B | 06-01 | grace 30, month end -> run: G 01-10 | B 07-31 | announced
February of a leap year ends on the 29th:
G 01-10      | -       | old   | B | 02-28 | month end -> run: G 01-10 | B 02-29 | announced
the 29th of February is a month end:
G 01-10      | -       | old   | B | 02-29 | month end -> run: B 02-29 | - | down
so is the 28th of a common year:
G 2023-01-10 | -       | old   | B | 2023-02-28 | month end -> run: B 2023-02-28 | - | down
January's 31st plus 29 days is the leap day:
G 01-10      | -       | old   | B | 01-31 | grace 29, month end -> run: G 01-10 | B 02-29 | announced
January's 31st plus 30 days is March:
G 01-10      | -       | old   | B | 01-31 | grace 30, month end -> run: G 01-10 | B 03-31 | announced
over the end of a year - 4 January:
G 01-10      | -       | old   | B | 12-05 | grace 30, month end -> run: G 01-10 | B 2025-01-31 | announced
a stay until 1 April becomes the end of April:
G 01-02      | -       | old   | B | 02-01 | stay 90, month end -> run: G 01-02 | B 04-30 | announced
a protection until 1 March becomes the end of March:
G 01-01      | -       | 01-01 | B | 02-10 | protection 60, month end -> run: G 01-01 | B 03-31 | announced

one step leads to the next lower tier, and the next step is announced for tomorrow:
P 01-10      | -       | old   | B | 06-01 | one step -> run: G 06-01 | S 06-02 | down
the same day again takes no second step:
G 06-01      | S 06-02 | old   | B | 06-01 | one step -> run: G 06-01 | S 06-02 | waiting
the second step is taken the day after:
G 06-01      | S 06-02 | old   | B | 06-02 | one step -> run: S 06-02 | B 06-03 | down
the third step arrives at the bottom and announces nothing:
S 06-02      | B 06-03 | old   | B | 06-03 | one step -> run: B 06-03 | - | down
nothing further is announced at the candidate:
P 01-10      | -       | old   | G | 06-01 | one step -> run: G 06-01 | - | down
between two steps a customer may be back:
G 06-01      | S 06-02 | old   | G | 06-02 | one step -> run: G 06-01 | - | recovered
one step after the grace:
P 01-10      | -       | old   | B | 06-01 | one step, grace 30 -> run: P 01-10 | G 07-01 | announced
the next step has its own grace:
P 01-10      | G 07-01 | old   | B | 07-01 | one step, grace 30 -> run: G 07-01 | S 07-31 | down
that of the new tier:
P 01-10      | G 07-01 | old   | B | 07-01 | one step, P grace 30, G grace 10 -> run: G 07-01 | S 07-11 | down
counted from the run that took the first step - 16 to 31 August, 14 more:
P 01-10      | G 07-01 | old   | B | 08-15 | one step, grace 30 -> run: G 08-15 | S 09-14 | down
the next step waits for the stay in the new tier - 29 and 31 and 30:
P 01-10      | -       | old   | B | 06-01 | one step, stay 90 -> run: G 06-01 | S 08-30 | down
the next step heeds the protection:
G 01-10      | S 06-15 | 05-01 | B | 06-15 | one step, protection 60 -> run: S 06-15 | B 06-30 | down
one step a month:
P 01-10      | -       | old   | B | 06-30 | one step, month end -> run: G 06-30 | S 07-31 | down
the month end before a leap day:
P 01-10      | G 01-31 | old   | B | 01-31 | one step, month end -> run: G 01-31 | S 02-29 | down
a late step in mid month is followed by the end of that month:
P 01-10      | G 05-31 | old   | B | 06-10 | one step, month end -> run: G 06-10 | S 06-30 | down
an announcement of two steps becomes one when the rules do:
G 01-10      | B 07-01 | old   | B | 06-15 | one step, grace 30 -> run: G 01-10 | S 07-01 | waiting
when one of four tiers was archived the step leads to the next that is left:
G 01-10      | X 07-01 | old   | B | 07-01 | one step, grace 30 -> run: S 07-01 | B 07-31 | down
all rules together - grace 10 July, protection 9 July, stay 18 August:
P 05-20      | -       | 05-10 | B | 06-10 | all -> run: P 05-20 | G 08-31 | announced

a refund takes effect at once and all the way:
P 05-20      | -       | 05-10 | B | 06-10 | all, refunds -> run!: B 06-10 | - | down
a drop of another cause is announced beside it:
P 05-20      | -       | 05-10 | B | 06-10 | all, refunds -> run: P 05-20 | G 08-31 | announced
a refund overtakes an announcement:
G 01-10      | S 07-01 | old   | B | 06-15 | refunds, grace 30 -> run!: B 06-15 | - | down
without the rule a refund is like any other cause:
G 01-10      | -       | old   | B | 06-01 | grace 30 -> run!: G 01-10 | B 07-01 | announced
a refund beside an upgrade does not matter:
S 01-10      | B 07-01 | old   | G | 06-15 | refunds, grace 30 -> run!: G 06-15 | - | up
nor where the tier is still earned:
S 01-10      | B 07-01 | old   | S | 06-15 | refunds, grace 30 -> run!: S 01-10 | - | recovered
a refund of everything leaves a prospect:
S 01-10      | -       | -     | - | 06-15 | refunds, grace 30 -> run!: - | - | none
a refund lowers nobody between two runs:
G 01-10      | -       | old   | B | 06-15 | refunds -> up!: G 01-10 | - | -
nor on hold:
G 01-10      | -       | old   | B | 06-15 | refunds -> hold!: G 01-10 | - | -

a first tier does not wait:
-            | -       | 06-01 | G | 06-01 | wait 7 -> run: G 06-01 | - | first
nor what an archived tier leaves:
X 01-10      | P 06-03 | old   | G | 06-01 | wait 7 -> run: G 06-01 | - | first
an upgrade is announced for the day on which it has held so long:
S 01-10      | -       | old   | G | 06-01 | wait 7 -> run: S 01-10 | G 06-08 | announced_up
it waits while it holds:
S 01-10      | G 06-08 | old   | G | 06-07 | wait 7 -> run: S 01-10 | G 06-08 | waiting
on its day it comes:
S 01-10      | G 06-08 | old   | G | 06-08 | wait 7 -> run: G 06-08 | - | up
or in the first run after it:
S 01-10      | G 06-08 | old   | G | 06-10 | wait 7 -> run: G 06-10 | - | up
who falls back hears no more of it:
S 01-10      | G 06-08 | old   | S | 06-07 | wait 7 -> run: S 01-10 | - | -
on its day, too:
S 01-10      | G 06-08 | old   | S | 06-08 | wait 7 -> run: S 01-10 | - | -
who falls back to a tier between has held that one:
B 01-10      | G 06-08 | old   | S | 06-07 | wait 7 -> run: B 01-10 | S 06-08 | waiting
on the day only the tier between comes:
B 01-10      | G 06-08 | old   | S | 06-08 | wait 7 -> run: S 06-08 | - | up
who rises further gets first what was announced:
B 01-10      | S 06-08 | old   | P | 06-05 | wait 7 -> run: B 01-10 | S 06-08 | waiting
and then hears of the rest:
B 01-10      | S 06-08 | old   | P | 06-08 | wait 7 -> run: S 06-08 | P 06-15 | up
far above the floor nobody waits:
S 01-10      | -       | old   | G far G | 06-01 | wait 7 -> run: G 06-01 | - | up
nor for the tier below, and the rest is announced:
B 01-10      | -       | old   | G far S | 06-01 | wait 7 -> run: S 06-01 | G 06-08 | up
what was announced stays when a tier below comes at once:
B 01-10      | G 06-08 | old   | G far S | 06-03 | wait 7 -> run: S 06-03 | G 06-08 | up
who is far above the own tier only waits:
S 01-10      | -       | old   | G far S | 06-01 | wait 7 -> run: S 01-10 | G 06-08 | announced_up
far is never more than the candidate:
S 01-10      | -       | old   | S far P | 06-01 | wait 7 -> run: S 01-10 | - | -
a fall ends an announced upgrade, with all its days of grace:
S 01-10      | G 06-08 | old   | B | 06-07 | wait 7, grace 30 -> run: S 01-10 | B 07-07 | announced
an announced fall ends with an announced upgrade:
S 01-10      | B 07-01 | old   | G | 06-07 | wait 7, grace 30 -> run: S 01-10 | G 06-14 | announced_up
nobody knows what the announced day of an archived tier was for:
S 01-10      | X 06-08 | old   | B | 06-07 | wait 7, grace 30 -> run: S 01-10 | B 07-07 | announced
an upgrade to an archived tier begins anew:
S 01-10      | X 06-08 | old   | G | 06-08 | wait 7 -> run: S 01-10 | G 06-15 | announced_up
a prospect is promised nothing:
S 01-10      | G 06-08 | -     | - | 06-07 | wait 7 -> run: - | - | none
rules without waiting keep nobody waiting:
S 01-10      | G 06-08 | old   | G | 06-05 | none -> run: G 06-05 | - | up
up - an upgrade is announced:
S 01-10      | -       | old   | G | 06-01 | wait 7 -> up: S 01-10 | G 06-08 | announced_up
up - far above it comes:
S 01-10      | -       | old   | G far G | 06-01 | wait 7 -> up: G 06-01 | - | up
up - on its day it comes:
S 01-10      | G 06-08 | old   | G | 06-08 | wait 7 -> up: G 06-08 | - | up
up - who falls back hears no more of it:
S 01-10      | G 06-08 | old   | S | 06-05 | wait 7 -> up: S 01-10 | - | -
up - nor does who falls:
S 01-10      | G 06-08 | old   | B | 06-05 | wait 7 -> up: S 01-10 | - | -
up - nor who has not bought:
S 01-10      | G 06-08 | -     | - | 06-05 | wait 7 -> up: S 01-10 | - | -
hold - an announced upgrade waits for the run:
S 01-10      | G 06-08 | old   | G | 06-08 | wait 7 -> hold: S 01-10 | G 06-08 | -

when nobody bought nothing is announced:
G 01-10      | -       | old   | B | 06-02 | grace 30 -> run~: G 01-10 | - | -
and nobody falls without grace:
G 01-10      | -       | old   | B | 06-02 | none -> run~: G 01-10 | - | -
nor on the announced day:
G 01-10      | S 06-02 | old   | B | 06-02 | grace 30 -> run~: G 01-10 | S 06-02 | waiting
who recovered keeps the tier all the same:
G 01-10      | S 06-02 | old   | G | 06-02 | grace 30 -> run~: G 01-10 | - | recovered
upgrades come:
S 01-10      | -       | old   | G | 06-02 | none -> run~: G 06-02 | - | up
an upgrade that is not reached any more is called off:
S 01-10      | G 06-08 | old   | B | 06-02 | wait 7 -> run~: S 01-10 | - | -
a refund needs no open day:
G 01-10      | S 06-20 | old   | B | 06-02 | refunds, grace 30 -> run~!: B 06-02 | - | down
nor does who has nothing left:
G 01-10      | -       | -     | - | 06-02 | grace 30 -> run~: - | - | none

up - a first tier comes at once:
-            | -       | 06-01 | S | 06-01 | grace 30 -> up: S 06-01 | - | first
up - an archived tier is replaced at once:
X 01-10      | B 07-01 | old   | S | 06-01 | grace 30 -> up: S 06-01 | - | first
up - an upgrade comes at once and calls a downgrade off:
S 01-10      | B 07-01 | old   | P | 06-15 | grace 30 -> up: P 06-15 | - | up
up - the tier earned again calls a downgrade off:
G 01-10      | S 07-01 | old   | G | 06-15 | grace 30 -> up: G 01-10 | - | recovered
up - the same tier:
G 01-10      | -       | old   | G | 06-15 | grace 30 -> up: G 01-10 | - | -
up - nothing is announced:
G 01-10      | -       | old   | B | 06-15 | grace 30 -> up: G 01-10 | - | -
up - nothing falls even without grace:
G 01-10      | -       | old   | B | 06-15 | none -> up: G 01-10 | - | -
up - what is announced stays so, its target too:
G 01-10      | S 07-01 | old   | B | 06-15 | grace 30 -> up: G 01-10 | S 07-01 | waiting
up - a candidate between the two calls nothing off:
P 01-10      | B 07-01 | old   | G | 06-15 | grace 30 -> up: P 01-10 | B 07-01 | waiting
up - a date that has come waits for the run:
G 01-10      | S 07-01 | old   | S | 07-02 | grace 30 -> up: G 01-10 | S 07-01 | waiting
up - an announced tier that was archived waits for the run:
G 01-10      | X 07-01 | old   | B | 06-15 | grace 30 -> up: G 01-10 | X 07-01 | waiting
up - a prospect keeps the tier until the run:
G 01-10      | -       | -     | - | 06-15 | none -> up: G 01-10 | - | -
up - a prospect without a tier:
-            | -       | -     | - | 06-15 | none -> up: - | - | -
up - a prospect keeps an archived tier until the run:
X 01-10      | -       | -     | - | 06-15 | none -> up: X 01-10 | - | -

hold - no first tier:
-            | -       | 06-01 | S | 06-01 | none -> hold: - | - | -
hold - no upgrade, and nothing is called off:
S 01-10      | B 07-01 | old   | P | 06-15 | none -> hold: S 01-10 | B 07-01 | -
hold - no downgrade:
G 01-10      | -       | old   | B | 06-15 | none -> hold: G 01-10 | - | -
hold - not on its date either:
G 01-10      | B 07-01 | old   | B | 07-01 | none -> hold: G 01-10 | B 07-01 | -
hold - nobody recovers:
G 01-10      | B 07-01 | old   | G | 06-15 | none -> hold: G 01-10 | B 07-01 | -
hold - a prospect keeps the tier:
G 01-10      | X 07-01 | -     | - | 06-15 | none -> hold: G 01-10 | X 07-01 | -
hold - an archived tier remains:
X 01-10      | -       | old   | B | 06-15 | none -> hold: X 01-10 | - | -
"""


def cases():
    lines = [line.strip() for line in TABLE.splitlines() if line.strip()]
    assert len(lines) % 2 == 0
    for name, line in zip(lines[::2], lines[1::2], strict=True):
        assert name.endswith(":")
        yield pytest.param(*(part.strip() for part in line.split("->")), id=name.removesuffix(":"))


CASES = list(cases())


def day(text):
    if text in ("-", "old"):
        return None if text == "-" else datetime.date(2020, 1, 1)
    return datetime.date.fromisoformat(text if len(text) == 10 else f"2024-{text}")


def tier_and_day(text):
    tier, _, date = text.partition(" ")
    return KEYS[tier], day(date or "-")


@functools.cache
def rules_of(text):
    """The rules that the table spells out, such as "one step, G grace 30"."""
    tiers = {letter: {} for letter in "BSGP"}
    policy = {}
    for rule in text.split(", "):
        match rule.split():
            case ["none"]:
                pass
            case ["all"]:
                tiers = {letter: {"grace_days": 30, "stay_days": 90} for letter in tiers}
                policy |= {"protection_days": 60, "month_end": True, "one_step": True}
            case ["one", "step"]:
                policy["one_step"] = True
            case ["month", "end"]:
                policy["month_end"] = True
            case ["wait", days]:
                policy["upgrade_days"] = int(days)
            case ["refunds"]:
                policy["refunds_at_once"] = True
            case ["protection", days]:
                policy["protection_days"] = int(days)
            case [("grace" | "stay") as field, days]:
                for tier in tiers.values():
                    tier[f"{field}_days"] = int(days)
            case [letter, ("grace" | "stay") as field, days]:
                tiers[letter][f"{field}_days"] = int(days)
            case _:
                raise AssertionError(rule)
    return make_rules([TierRule(KEYS[letter], **fields) for letter, fields in tiers.items()], **policy)


def make_rules(ladder, **retention_rules):
    tiers = [dataclasses.replace(tier, floor=floor) for floor, tier in enumerate(ladder)]
    criteria = (CriterionRule("recency", 1),)
    return PolicyRules(criteria, tuple(tiers), ((1,) * 5,) * 5, retention=RetentionRules(**retention_rules))


def keys_of(values, index=None):
    return pd.Series(values, index=index, dtype="Int64")


def dates_of(values, index=None, unit="s"):
    return pd.Series(values, index=index, dtype=f"datetime64[{unit}]")


def make_states(states, index=None):
    """A frame of (tier, since, pending tier, pending date)."""
    tiers, since, pending_tiers, pending_dates = zip(*states, strict=True) if states else ((),) * 4
    columns = (keys_of(tiers), dates_of(since), keys_of(pending_tiers), dates_of(pending_dates))
    frame = pd.DataFrame(dict(zip(STATES, columns, strict=True)))
    return frame if index is None else frame.set_axis(index)


def after_of(result):
    """Per row (tier, since, pending tier, pending date, reason) in plain Python."""
    columns = []
    for column, dtype in DTYPES.items():
        assert result[column].dtype == dtype
        values = [None if value is pd.NA or value is pd.NaT else value for value in result[column].tolist()]
        if dtype == "datetime64[s]":
            assert all(value is None or value == value.normalize() for value in values)
            values = [value and value.date() for value in values]
        columns.append(values)
    assert list(result.columns) == list(DTYPES)
    return list(zip(*columns, strict=True))


def retained(states, candidates, first_orders, as_of, rules, mode="run", at_once=None, far=None, idle=False):
    """`retain` for lists; every list has an entry per customer."""
    at_once = None if at_once is None else pd.Series(at_once, dtype="bool")
    far = None if far is None else keys_of(far)
    frame, keys, firsts = make_states(states), keys_of(candidates), dates_of(first_orders)
    return after_of(retain(frame, keys, firsts, as_of, rules, mode=mode, at_once=at_once, far=far, idle=idle))


def test_the_truth_table_has_at_least_45_cases_with_names_of_their_own():
    names = [case.id for case in CASES]
    assert len(set(names)) == len(names) >= 45


@pytest.mark.parametrize(("situation", "expected"), CASES)
def test_retention(situation, expected):
    now, announced, first_order, goal, as_of, rules = (part.strip() for part in situation.split("|"))
    state = (*tier_and_day(now), *tier_and_day(announced))
    goal, _, far = goal.partition(" far ")
    goal, far = KEYS[goal], KEYS[far or "-"]
    first_order, as_of, rules = day(first_order), day(as_of), rules_of(rules)
    mode, _, result = expected.partition(": ")
    mode, refund = mode.removesuffix("!"), mode.endswith("!")
    mode, idle = mode.removesuffix("~"), mode.endswith("~")
    now, announced, reason = (part.strip() for part in result.split("|"))
    expected = (*tier_and_day(now), *tier_and_day(announced), reason.removeprefix("-"))
    assert retained([state], [goal], [first_order], as_of, rules, mode, [refund], [far], idle) == [expected]
    assert judge(state, goal, first_order, as_of, rules, mode, refund, far, idle) == expected


# The judge --------------------------------------------------------------------------------


def judge(state, goal, first_order, as_of, rules, mode, at_once, far, idle):
    """The rules once more, for one customer and in plain Python."""
    tier, since, pending_tier, pending_date = state
    order = [rule.key for rule in rules.ladder]
    days = {rule.key: (rule.grace_days, rule.stay_days) for rule in rules.ladder}

    def announce(present, entered, earliest):
        grace, stay = days[present]
        dates = [earliest, as_of + datetime.timedelta(grace)]
        if entered is not None:
            dates.append(entered + datetime.timedelta(stay))
        if first_order is not None:
            dates.append(first_order + datetime.timedelta(rules.retention.protection_days))
        date = max(dates)
        if rules.retention.month_end:
            date = date.replace(day=calendar.monthrange(date.year, date.month)[1])
        return date

    def target(present):
        return order[order.index(present) - 1] if rules.retention.one_step else goal

    if mode == "hold":
        return tier, since, pending_tier, pending_date, ""
    if tier not in order and goal is not None:
        return goal, as_of, None, None, "first"
    promised = pending_date and tier in order and pending_tier in order
    promised = promised and order.index(pending_tier) > order.index(tier)
    if promised and (goal is None or order.index(goal) <= order.index(tier)):
        promised, pending_tier, pending_date = False, None, None
    if goal is None:
        if mode == "up":
            return tier, since, pending_tier, pending_date, "waiting" if pending_date else ""
        return None, None, None, None, "none" if tier in order else ""
    if goal == tier:
        return tier, since, None, None, "recovered" if pending_date else ""
    if order.index(goal) > order.index(tier):
        return climb(tier, since, promised and pending_tier, pending_date, order, goal, far, as_of, rules)
    if mode == "run" and at_once and rules.retention.refunds_at_once:
        return goal, as_of, None, None, "down"
    if mode == "up" or idle:
        return tier, since, pending_tier, pending_date, "waiting" if pending_date else ""
    if rules.retention.upgrade_days and pending_tier not in order:
        pending_date = None
    date = pending_date or announce(tier, since, as_of)
    if date > as_of:
        return tier, since, target(tier), date, "waiting" if pending_date else "announced"
    tier = target(tier)
    if tier == goal:
        return tier, as_of, None, None, "down"
    return tier, as_of, target(tier), announce(tier, as_of, as_of + datetime.timedelta(1)), "down"


def climb(tier, since, promised, date, order, goal, far, as_of, rules):
    """What the judge says of who is to rise to a goal; the promised tier is False where there is none."""
    days = rules.retention.upgrade_days
    steps = [goal] if not days else [far] if far else []
    if promised:
        promised = min(promised, goal, key=order.index)
        if date <= as_of:
            steps.append(promised)
    steps = [min(step, goal, key=order.index) for step in steps]
    highest = max([tier, *steps], key=order.index)
    rose = highest != tier
    if highest == goal:
        return goal, as_of, None, None, "up"
    tier, since = highest, as_of if rose else since
    if promised and order.index(promised) > order.index(tier):
        return tier, since, promised, date, "up" if rose else "waiting"
    return tier, since, goal, as_of + datetime.timedelta(days), "up" if rose else "announced_up"


START = datetime.date(2024, 1, 20)  # a month end and a leap day are near
SEEDS = st.integers(0, 10**6)  # hypothesis is slow at drawing a population piece by piece
DAYS = st.sampled_from([0, 0, 1, 2, 5, 9, 12, 30])
AS_OF = st.integers(0, 60).map(lambda days: START + datetime.timedelta(days))


@st.composite
def policies(draw, **fixed):
    keys = draw(st.permutations([10, 20, 30, 40]))[: draw(st.sampled_from([4, 3, 2, 1, 4, 3]))]
    tiers = [TierRule(key, grace_days=draw(DAYS), stay_days=draw(DAYS)) for key in keys]
    drawn = {
        "one_step": draw(st.booleans()),
        "month_end": draw(st.booleans()),
        "protection_days": draw(DAYS),
        "refunds_at_once": draw(st.booleans()),
        "upgrade_days": draw(DAYS),
    }
    return make_rules(tiers, **{**drawn, **fixed})


@st.composite
def populations(draw, size=60):
    """A policy, a day and, per customer, a state, a candidate, a first order, whether credit notes caused a drop, and
    the highest tier that does not wait.
    """
    rules, as_of = draw(policies()), draw(AS_OF)
    chance = random.Random(draw(SEEDS))
    tiers = [tier.key for tier in rules.tiers]

    def date(first, last):  # small ranges, so that equal days are common
        return chance.choice([None, *(as_of + datetime.timedelta(days) for days in range(first, last + 1))])

    def state():
        tier, pending = chance.choice([*tiers, *tiers, 99, None]), chance.random() < 0.4
        return tier, date(-15, 0), chance.choice([*tiers, 99]) if pending else None, date(-3, 3) if pending else None

    states = [state() for _ in range(size)]
    goals = [chance.choice([*tiers, *tiers, None]) for _ in range(size)]
    firsts = [date(-15, 0) for _ in range(size)]
    far = [chance.choice([*tiers, None, None]) for _ in range(size)]
    return rules, as_of, states, goals, firsts, [chance.random() < 0.2 for _ in range(size)], far


def after_population(population, mode, idle=False):
    rules, as_of, states, goals, firsts, refunds, far = population
    return retained(states, goals, firsts, as_of, rules, mode, refunds, far, idle)


@examples(100)
@given(populations(), st.booleans())
def test_the_judge_agrees_whatever_the_state(population, idle):
    rules, as_of, *columns = population
    for mode in retention.MODES:
        expected = [judge(*row[:3], as_of, rules, mode, *row[3:], idle) for row in zip(*columns, strict=True)]
        assert after_population(population, mode, idle) == expected


@examples(10)
@given(populations(size=10))
def test_a_customer_does_not_depend_on_the_others(population):
    rules, as_of, *columns = population
    for mode in retention.MODES:
        alone = [
            after_population((rules, as_of, *([value] for value in row)), mode) for row in zip(*columns, strict=True)
        ]
        assert after_population(population, mode) == list(itertools.chain(*alone))


@examples(40)
@given(populations())
def test_the_same_day_again_changes_nothing_but_the_reason(population):
    rules, as_of, _, *others = population
    for mode in retention.MODES:
        once = [after[:4] for after in after_population(population, mode)]
        again = [after[:4] for after in after_population((rules, as_of, once, *others), mode)]
        assert again == once


@examples(20)
@given(populations())
def test_hold_never_changes_anything(population):
    states = population[2]
    assert after_population(population, "hold") == [(*state, "") for state in states]


@examples(40)
@given(populations())
def test_after_a_run_no_announcement_is_due_and_each_leads_to_the_goal(population):
    rules, as_of = population[:2]
    order = [tier.key for tier in rules.ladder]
    after = after_population(population, "run")
    for (tier, _, pending_tier, pending_date, _), goal in zip(after, population[3], strict=True):
        assert (pending_tier is None) == (pending_date is None)
        if pending_date:
            assert pending_date > as_of
            present, announced = order.index(tier), order.index(pending_tier)
            assert announced != present
            assert (announced < present) == (order.index(goal) < present)
            assert rules.retention.upgrade_days or announced < present


# Day by day -------------------------------------------------------------------------------


@st.composite
def histories(draw, customers=25, runs=40, **fixed):
    """Rules, and what they make of customers: per customer and run (day, mode, candidate, state before, after)."""
    rules = draw(policies(refunds_at_once=False, **fixed))
    modes = draw(st.sampled_from([["run"], ["run", "run", "run", "up", "hold"]]))
    chance = random.Random(draw(SEEDS))
    tiers = [tier.key for tier in rules.tiers]
    as_of, states, goals = START, [(None,) * 4] * customers, [None] * customers
    logs = [[] for _ in range(customers)]
    for _ in range(runs):
        mode = chance.choice(modes)
        # A candidate lasts for ten runs or so, else no announcement would ever live to see its date.
        goals = [chance.choice(tiers) if goal is None or chance.random() < 0.1 else goal for goal in goals]
        after = retained(states, goals, [START] * customers, as_of, rules, mode)
        for log, *step in zip(logs, goals, states, after, strict=True):
            log.append((as_of, mode, *step))
        states = [result[:4] for result in after]
        as_of += datetime.timedelta(chance.randint(1, 3))
    return rules, logs


def downs(logs):
    return [(as_of, before, after) for log in logs for as_of, _, _, before, after in log if after[4] == "down"]


@examples(8)
@given(histories())
def test_no_downgrade_before_the_days_of_grace_were_announced(history):
    rules, logs = history
    grace, order = {tier.key: tier.grace_days for tier in rules.tiers}, [tier.key for tier in rules.ladder]

    def falls(state):
        return state[3] is not None and order.index(state[2]) < order.index(state[0])

    for log in logs:
        announced_on = None
        for as_of, _, _, before, after in log:
            if after[4] == "down":
                notice = as_of - (announced_on or as_of)
                assert notice.days >= grace[before[0]]
                assert not falls(before) or as_of >= before[3]
            if not falls(after):
                announced_on = None
            elif not falls(before) or before[0] != after[0]:
                announced_on = as_of
            else:
                assert after[3] == before[3]  # an announced date never moves


@examples(8)
@given(histories())
def test_no_downgrade_within_the_stay_nor_the_protection(history):
    rules, logs = history
    stay = {tier.key: tier.stay_days for tier in rules.tiers}
    for as_of, before, _ in downs(logs):
        assert (as_of - before[1]).days >= stay[before[0]]
        assert (as_of - START).days >= rules.retention.protection_days


@examples(8)
@given(histories(one_step=True))
def test_one_step_never_drops_two_tiers_in_a_run(history):
    rules, logs = history
    order = [tier.key for tier in rules.ladder]
    for _, before, after in downs(logs):
        assert order.index(before[0]) - order.index(after[0]) == 1


@examples(8)
@given(histories(upgrade_days=0))
def test_upgrades_are_immediate_and_nothing_falls_but_in_a_run(history):
    rules, logs = history
    order = [None, *(tier.key for tier in rules.ladder)]
    for as_of, mode, goal, before, after in itertools.chain(*logs):
        if mode != "hold" and order.index(goal) > order.index(before[0]):
            assert after == (goal, as_of, None, None, "up" if before[0] else "first")
        if mode != "run":
            assert order.index(after[0]) >= order.index(before[0])


@examples(15)
@given(histories())
def test_nobody_rises_without_having_held(history):
    rules, logs = history
    order, days = [tier.key for tier in rules.ladder], rules.retention.upgrade_days
    for log in logs:
        for number, (as_of, _, _, _before, after) in enumerate(log):
            if after[4] != "up":
                continue
            reached = order.index(after[0])
            held = as_of
            for earlier, mode, goal, state, _ in reversed(log[: number + 1]):
                if mode != "hold":
                    if state[0] is None or order.index(goal) < reached:
                        break
                    held = earlier
            assert (as_of - held).days >= days


@examples(30)
@given(
    st.lists(st.tuples(st.integers(1, 3), st.sampled_from("BG"), st.integers(0, 5)), min_size=1, max_size=25),
    st.sampled_from([1, 3, 7]),
    st.sampled_from([0, 2, 9]),
)
def test_of_two_tiers_the_one_counts_that_was_reached_for_long_enough(pieces, days, grace):
    """From the candidates alone, without any memory of what was announced."""
    rules = rules_of(f"wait {days}, grace {grace}")
    as_of, state, past = START, (None,) * 4, []
    expected = None
    for gap, letter, repeats in pieces:
        for _ in range(repeats + 1):
            as_of += datetime.timedelta(gap)
            past.append((as_of, letter))
            unbroken = itertools.takewhile(lambda seen: seen[1] == letter, reversed(past))  # noqa: B023
            since = [day for day, _ in unbroken][-1]
            least = days if letter == "G" else grace
            if expected is None or (as_of - since).days >= least:
                expected = letter
            [after] = retained([state], [KEYS[letter]], [day("old")], as_of, rules)
            state = after[:4]
            assert LETTERS[state[0]] == expected


def test_a_story_of_falling_and_coming_back():
    rules = rules_of("grace 20, one step, month end")
    state, story = (None,) * 4, []
    for text, letter in [
        ("01-05", "P"),  # first
        ("01-10", "B"),  # 30 January, so 31 January
        ("01-30", "B"),
        ("01-31", "B"),  # gold; 20 February, so 29 February
        ("02-28", "B"),
        ("02-29", "B"),  # silver; 20 March, so 31 March
        ("03-15", "S"),
        ("03-16", "B"),  # anew: 5 April, so 30 April
        ("04-02", "G"),
    ]:
        [after] = retained([state], [KEYS[letter]], [day("01-05")], day(text), rules)
        state = after[:4]
        story.append((LETTERS[after[0]], after[3], after[4]))
    assert story == [
        ("P", None, "first"),
        ("P", day("01-31"), "announced"),
        ("P", day("01-31"), "waiting"),
        ("G", day("02-29"), "down"),
        ("G", day("02-29"), "waiting"),
        ("S", day("03-31"), "down"),
        ("S", None, "recovered"),
        ("S", day("04-30"), "announced"),
        ("G", None, "up"),
    ]


# Frames -----------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", retention.MODES)
@pytest.mark.parametrize("count", [0, 2])
def test_without_customers_and_without_tiers_the_dtypes_stay(mode, count):
    # What an empty or all-NULL answer of the database looks like: object, no dtype to rely on.
    index = pd.Index(range(5, 5 + count), name=schema.CUSTOMER, dtype="int64")
    states = pd.DataFrame(None, index=index, columns=STATES, dtype="object")
    nothing = pd.Series(None, index=index, dtype="object")
    result = retain(states, nothing, nothing, START, rules_of("month end"), mode=mode, at_once=nothing)
    assert result.dtypes.astype(str).to_dict() == DTYPES
    assert result.index.equals(index)
    assert after_of(result) == [(None, None, None, None, "")] * count


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_dates_of_any_unit_and_hour_are_days(unit):
    state = make_states([(20, datetime.date(2024, 1, 1), None, None)] * 2)
    evening = dates_of(["2024-01-01 23:59"] * 2, unit=unit)
    state = state.assign(previous_since=evening, pending_date=dates_of([None, "2024-03-31 23:59"], unit=unit))
    result = retain(state, keys_of([30, 30]), evening, day("03-31"), rules_of("stay 90, protection 90"), mode="run")
    assert after_of(result) == [(30, day("03-31"), None, None, "down")] * 2


@pytest.mark.parametrize("mode", retention.MODES)
def test_the_callers_frames_stay_as_they_were(mode):
    state = (20, day("01-10"), 30, day("06-01"))
    states = make_states([state, state, (None,) * 4, state])
    refunds = pd.Series([True, False, False, False])
    arguments = [states, keys_of([30, 40, 10, None]), dates_of([day("01-10")] * 4), refunds]
    copies = [argument.copy(deep=True) for argument in arguments]
    result = retain(*arguments[:3], day("06-01"), rules_of("refunds"), mode=mode, at_once=arguments[3])
    result[RESULT] = None
    for argument, copy in zip(arguments, copies, strict=True):
        assert argument.equals(copy)


def test_rows_are_matched_by_place_when_customers_occur_in_any_order():
    index = pd.Index([7, 3, 9], name=schema.CUSTOMER)
    states = make_states([(20, day("01-10"), None, None), (None,) * 4, (30, day("01-10"), None, None)], index)
    result = retain(
        states, keys_of([30, 10, 40], index), dates_of([None] * 3, index), START, rules_of("none"), mode="run"
    )
    assert result[schema.REASON].to_dict() == {7: "down", 3: "first", 9: "up"}
    assert result[schema.COMPUTED_TIER].to_dict() == {7: 30, 3: 10, 9: 40}


def test_a_missing_cause_of_a_drop_is_none():
    states = make_states([(20, day("01-10"), None, None)] * 3)
    refunds = pd.Series([None, True, False], dtype="boolean")
    arguments = states, keys_of([30] * 3), dates_of([None] * 3), START, rules_of("refunds, grace 30")
    assert retain(*arguments, mode="run", at_once=refunds)[schema.REASON].tolist() == ["announced", "down", "announced"]


def test_what_does_not_fit_together_is_refused():
    states, goals, firsts = make_states([(20, None, None, None)]), keys_of([30]), dates_of([None])
    rules = rules_of("none")
    with pytest.raises(ValueError, match=r"mode must be one of \('run', 'up', 'hold'\), not 'down'"):
        retain(states, goals, firsts, START, rules, mode="down")
    with pytest.raises(ValueError, match="lacks the columns previous_since, pending_date"):
        retain(states[[schema.PREVIOUS_TIER, schema.PENDING_TIER]], goals, firsts, START, rules, mode="run")
    with pytest.raises(ValueError, match="'candidate' has tiers that are not in the ladder for 1 of 1 customers"):
        retain(states, keys_of([99]), firsts, START, rules, mode="run")
    for name, place in [("states", 0), ("first_order_date", 2)]:
        arguments = [states, goals, firsts]
        arguments[place] = arguments[place].set_axis([5])
        with pytest.raises(ValueError, match=f"'{name}' must have the index"):
            retain(*arguments, START, rules, mode="run")
    with pytest.raises(ValueError, match="'at_once' must have the index"):
        retain(states, goals, firsts, START, rules, mode="run", at_once=pd.Series([True], index=[5]))


# Hysteresis and locks ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("previous", "earned", "kept", "expected"),
    [
        ("-", "S", "G", "S"),  # nothing to keep
        ("X", "S", "G", "S"),  # nor of a tier that was archived
        ("S", "S", "S", "S"),
        ("S", "G", "P", "G"),  # above: only what is earned
        ("S", "S", "P", "S"),  # keeping never lifts
        ("G", "B", "P", "G"),
        ("G", "B", "G", "G"),
        ("G", "B", "S", "S"),  # lost gold, but silver is kept
        ("P", "B", "G", "G"),
        ("G", "B", "B", "B"),
        ("G", "S", "S", "S"),
        ("G", "B", "-", "B"),
        ("G", "-", "-", "-"),  # a prospect
        ("-", "-", "-", "-"),
        ("G", "-", "G", "-"),
        ("B", "P", "P", "P"),
    ],
)
def test_it_takes_less_to_stay_than_to_enter(previous, earned, kept, expected):
    result = candidate(*(keys_of([KEYS[letter]]) for letter in (previous, earned, kept)), LADDER)
    assert (result.dtype, after_keys(result)) == ("Int64", [expected])


def after_keys(keys):
    return [LETTERS[None if pd.isna(key) else key] for key in keys.tolist()]


def test_a_candidate_needs_tiers_of_the_ladder_and_one_index():
    good, foreign = keys_of([30]), keys_of([99])
    assert after_keys(candidate(foreign, good, good, LADDER)) == ["B"]
    for name, earned, kept in [("earned", foreign, good), ("kept", good, foreign)]:
        with pytest.raises(ValueError, match=f"'{name}' has tiers that are not in the ladder"):
            candidate(good, earned, kept, LADDER)
    with pytest.raises(ValueError, match="'previous' must have the index"):
        candidate(good.set_axis([5]), good, good, LADDER)
    with pytest.raises(ValueError, match="'kept' must have the index"):
        candidate(good, good, good.set_axis([5]), LADDER)


@pytest.mark.parametrize(
    ("computed", "mode", "lock", "expected"),
    [
        ("G", None, "-", "G"),
        ("G", None, "P", "G"),
        ("G", "", "P", "G"),
        ("G", pd.NA, "P", "G"),
        ("G", float("nan"), "P", "G"),
        ("G", "fixed", "B", "B"),
        ("B", "fixed", "P", "P"),
        ("-", "fixed", "S", "S"),
        ("G", "floor", "B", "G"),
        ("G", "floor", "G", "G"),
        ("G", "floor", "P", "P"),
        ("-", "floor", "S", "S"),
        ("X", "floor", "S", "S"),
        ("X", "", "S", "X"),  # on hold an archived tier remains
        ("G", "fixed", "X", "G"),
        ("G", "floor", "X", "G"),
        ("G", "fixed", "-", "G"),
        ("-", "floor", "X", "-"),
        ("-", None, "-", "-"),
    ],
)
def test_what_a_person_locked_counts(computed, mode, lock, expected):
    result = effective(keys_of([KEYS[computed]]), pd.Series([mode], dtype="object"), keys_of([KEYS[lock]]), LADDER)
    assert (result.dtype, after_keys(result)) == ("Int64", [expected])


def test_locks_leave_the_computed_tiers_as_they_were():
    computed = keys_of([30, 20, None])
    result = effective(computed, pd.Series(["fixed", None, "floor"]), keys_of([40, None, 10]), LADDER)
    assert after_keys(result) == ["P", "G", "S"]
    assert after_keys(computed) == ["B", "G", "-"]


def test_a_lock_needs_a_known_mode_and_one_index():
    computed, tier = keys_of([30]), keys_of([40])
    with pytest.raises(ValueError, match=r"one of \('floor', 'fixed'\) or empty, not 'ceiling'"):
        effective(computed, pd.Series(["ceiling"]), tier, LADDER)
    with pytest.raises(ValueError, match="'lock_mode' must have the index"):
        effective(computed, pd.Series(["fixed"], index=[5]), tier, LADDER)
    with pytest.raises(ValueError, match="'lock_tier' must have the index"):
        effective(computed, pd.Series(["fixed"]), tier.set_axis([5]), LADDER)


def test_candidates_and_locks_of_nobody_are_an_empty_answer():
    nobody = keys_of([])
    assert candidate(nobody, nobody, nobody, LADDER).dtype == "Int64"
    assert effective(nobody, pd.Series([], dtype="object"), nobody, LADDER).dtype == "Int64"
