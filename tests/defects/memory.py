"""Defects of what is kept: slots, sequences, checksums, the order of writing and of telling."""

from pumpsim.firmware import account, exchange, integrity, reference, requests, state, store
from tests.defects.defect import defect
from tests.defects.patching import Edit

Logic = reference.ReferenceLogic

DEFECTS = (
    defect(
        "crc-not-looked-at",
        "NVM-01",
        "a record counts by its head alone",
        Edit(store.Store, "_read", "!= crc:", "is None:"),
    ),
    defect(
        "crc-over-content-only",
        "NVM-01",
        "the checksum leaves out the head: a flipped bit of the sequence is not found",
        Edit(store.Store, "_read", "zlib.crc32(content, zlib.crc32(bare))", "zlib.crc32(content)"),
        Edit(store.Store, "save", "zlib.crc32(content, zlib.crc32(bare))", "zlib.crc32(content)"),
    ),
    defect(
        "kept-once",
        "NVM-02",
        "what was told lies in one copy for an hour: should it rot, the older one takes it back",
        Edit(Logic, "_outcome", "self._owe(COPIES)", "pass"),
    ),
    defect(
        "rot-goes-unseen",
        "NVM-01",
        "a record that rots while the pump runs is not looked at again",
        Edit(
            store.Store,
            "_newest_is_sound",
            "return record is not None and record.sequence == self._sequence",
            "return True",
        ),
    ),
    defect(
        "one-slot-only",
        "NVM-02",
        "the newest record is written over itself",
        Edit(store.Store, "save", "(self._slot + 1) % SLOTS if sound else", ""),
    ),
    defect(
        "sequence-not-wrap-safe",
        "NVM-02",
        "the higher sequence is the newer one, over the wrap too",
        Edit(
            store,
            "_later",
            "0 < (one.sequence - other.sequence) % SEQUENCES < SEQUENCES // 2",
            "one.sequence > other.sequence",
        ),
    ),
    defect(
        "oldest-copy-is-read",
        "NVM-02",
        "of two sound records the older one counts",
        Edit(store, "_later", "SEQUENCES < SEQUENCES // 2", "SEQUENCES >= SEQUENCES // 2 > 0"),
    ),
    defect(
        "never-synced",
        "NVM-02",
        "a record is left in the chip's buffer",
        Edit(
            store.Store,
            "save",
            "len(content), crc))\n    self._memory.sync()",
            "len(content), crc))",
        ),
    ),
    defect(
        "damage-taken-for-blank",
        "NVM-03",
        "a slot whose head is damaged counts as one that was never written",
        Edit(
            store.Store,
            "_read",
            "> self._slot_size:\n        raise UnsoundError",
            "> self._slot_size:\n        return None",
        ),
    ),
    defect(
        "last-configuration-lives-on",
        "NVM-03",
        "with nothing sound left the pump goes on with the numbers it has",
        Edit(
            state.State,
            "lose_numbers",
            "self.configuration, self.configuration_lost = None, True",
            "self.configuration_lost = True",
        ),
    ),
    defect(
        "loss-forgotten-by-reset",
        "NVM-03",
        "a lost configuration is a first boot to the life after the next",
        Edit(state.State, "durable", '_lost": self.configuration_lost', '_lost": False'),
    ),
    defect(
        "rotten-total-lives-on",
        "NVM-04",
        "totals are not proven",
        Edit(Logic, "_proven", " and state.account.balanced()", ""),
    ),
    defect(
        "rotten-limit-lives-on",
        "NVM-04",
        "the seal leaves out the limits that follow from the configuration",
        Edit(Logic, "_sealed", "*model.flow.factors(), *model.limits", "*model.flow.factors(),"),
    ),
    defect(
        "dose-without-counterweight",
        "NVM-04",
        "the number that balances the totals leaves out the dose since the refill",
        Edit(account.Account, "balanced", "self.dose_since_refill_fg, ", ""),
        Edit(account.Account, "refilled", "self.balance += self.dose_since_refill_fg", "pass"),
        Edit(
            account.Account,
            "_leave",
            "self.dose_since_refill_fg += gained_fg\n        self.balance -= gained_fg",
            "self.dose_since_refill_fg += gained_fg",
        ),
    ),
    defect(
        "seal-of-names",
        "NVM-04",
        "the seal is made of what things are called, not of what they hold",
        Edit(
            integrity,
            "seal",
            "item.model_dump_json() if isinstance(item, Part) else repr(item)",
            "type(item).__name__",
        ),
    ),
    defect(
        "unreadable-taken-for-blank",
        "NVM-07",
        "memory that cannot be read is a first boot",
        Edit(store.Loaded, "lost", "(self.unsound or self.failed)", "self.unsound"),
    ),
    defect(
        "failed-write-unnoticed",
        "NVM-07",
        "a save that fails is tried again, and nobody is told",
        Edit(Logic, "_keep", "state.memory_failed = True", "pass"),
    ),
    defect(
        "told-before-kept",
        "ALM-10",
        "an alarm sounds and is told before it is kept: the next hourly save will have it",
        Edit(Logic, "_outcome", "keep or book.changed or", "keep or"),
    ),
    defect(
        "silent-when-memory-fails",
        "ALM-10",
        "the sounder waits for a memory that works",
        Edit(
            Logic, "_outcome", "if moved or state", "if moved and not state.memory_failed or state"
        ),
    ),
    defect(
        "refill-half-applied",
        "RES-05",
        "a committed refill sets volume and dates, and the account goes on with the old drug",
        Edit(
            requests,
            "_commit_refill",
            "state.account.refilled(refill.drug, refill.concentration_ng_per_ml, left_permille)",
            "pass",
        ),
    ),
    defect(
        "explanted-while-infusing",
        "RES-13",
        "a pump may be taken out whatever the level of drug in it",
        Edit(state.State, "may_infuse_drug", "left.high >", "left.high > 10_000_000 +"),
    ),
    defect(
        "emptied-for-ever",
        "RES-13",
        "a pump that was emptied once counts as emptied before each fill",
        Edit(requests, "_commit_refill", "emptied = left_nl", "emptied |= left_nl"),
    ),
    defect(
        "rinsed-by-declaration",
        "RES-13",
        "a fill without drug counts before any level has borne it out",
        Edit(state.State, "may_infuse_drug", "borne_out", "borne_out is not False"),
    ),
    defect(
        "borne-out-by-a-reset",
        "RES-13",
        "a fill that did not arrive is believed after a reset",
        Edit(exchange.Needle, "load", 'state["borne_out"]', "True"),
    ),
    defect(
        "second-level-in-another-life",
        "RES-13",
        "a reset between the two levels that bear a fill out leaves it in doubt for ever",
        Edit(
            exchange.Needle,
            "watch",
            "waits = self.first or self.expected_nl is not None",
            "waits = self.first",
        ),
    ),
    defect(
        "rinsed-whatever-a-needle-puts-in",
        "RES-13",
        "a needle that nobody announced leaves a rinsed pump rinsed",
        Edit(exchange.Needle, "watch", "self.borne_out, self.denied = False, True", "pass"),
    ),
    defect(
        "access-renewed-by-a-reset",
        "FLW-08",
        "a reset makes an access that nobody ended mask for another half an hour",
        Edit(state.State, "_load_declared", '= data["bolus_since"]', "= 0"),
    ),
    defect(
        "fill-confirmed-by-a-reset",
        "RES-07",
        "what a refill should have filled is forgotten when supply goes before the first sample",
        Edit(exchange.Needle, "load", 'state["expected_nl"]', "None"),
    ),
    defect(
        "configuration-numbered-only",
        "FLW-07",
        "a new configuration gets its number; the pump goes on with the numbers of the old one",
        Edit(
            Logic,
            "_rebuild",
            "model = self._model = model_of(self._state)",
            "made = model_of(self._state)\n"
            "    model = self._model = made if self._model is None or made is None else (\n"
            "        made._replace(flow=self._model.flow, limits=self._model.limits))",
        ),
    ),
    defect(
        "range-of-the-first-configuration",
        "FLW-07",
        "the fill level's range stays that of the capacity that was configured first",
        Edit(Logic, "_rebuild", "if model is not None:", "if model and not self._state.sampled:"),
    ),
    defect(
        "number-kept-apart",
        "FLW-07",
        "the number of the configuration is not taken up with its content after a reset",
        Edit(state.State, "load_numbers", 'self.config_id = data["config_id"]', "pass"),
    ),
    defect(
        "any-format-is-read",
        "NVM-01",
        "a record of another format is taken for one of this",
        Edit(store.Store, "_read", "or version != FORMAT", ""),
    ),
    defect(
        "kept-without-its-number",
        "COM-09",
        "a command that only memory knows of is told without the number it led to",
        Edit(
            reference.ReferenceLogic,
            "_answered",
            "Kept(request.command_id, reply.reference, noted)",
            "Kept(request.command_id, None, noted)",
        ),
    ),
)
