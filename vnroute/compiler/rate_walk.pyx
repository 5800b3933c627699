# cython: language_level=3, boundscheck=False, wraparound=False
"""The walk over all rates in the order of their prefixes, which keeps what holds at each place.

Coming to a prefix, what held only inside those that are left behind is taken out, and its own rates
are put in place; going on, its list of carriers is known.
"""

cimport cython
from libc.stdint cimport uint32_t, uint64_t

from array import array

from vnroute.compiler.carrier_lists cimport CarrierLists
from vnroute.model.deck import NO_END as _NO_END

cdef uint64_t NO_END = _NO_END

cdef enum:
    # Fields of vnroute.model.deck.RateInForce.
    PREFIX = 0
    OWNER = 1
    RATE = 2
    ORIGIN = 3
    TIME = 4
    EFFECTIVE = 5
    END = 6
    BLOCKED = 10
    CURRENCY = 12


@cython.final
cdef class RateWalk:
    """The RATES and DESTINATIONS sections as the walk makes them, and how many rates there were.

    `price` gives a price as written in the image's unit, `odd_rate` what is kept of a rate that
    does not always hold, and `lists_here` the list or node of each choice for a prefix and such
    rates; it is asked where there are any, or `always`.
    """

    cdef readonly object prices
    cdef readonly object destinations
    cdef readonly Py_ssize_t rows
    cdef dict _row_of
    cdef CarrierLists _lists
    cdef object _spans
    cdef Py_ssize_t _choices
    cdef long long _now
    cdef object _price
    cdef object _odd_rate
    cdef object _lists_here
    cdef bint _always
    cdef dict _price_rows
    cdef dict _destination_rows
    cdef list _opened
    cdef dict _odd
    cdef str _prefix
    cdef list _undo

    def __init__(self, dict row_of not None, CarrierLists lists not None, spans,
                 Py_ssize_t choices, *, long long now, price, odd_rate, lists_here, bint always):
        self.prices = array("Q")
        self.destinations = array("I")
        self._row_of = row_of
        self._lists = lists
        self._spans = spans
        self._choices = choices
        self._now = now
        self._price = price
        self._odd_rate = odd_rate
        self._lists_here = lists_here
        self._always = always
        self._price_rows = {}
        self._destination_rows = {}
        self._opened = []
        self._odd = {}
        self._prefix = ""
        self._undo = []

    cdef int _begin(self, str prefix) except -1:
        """Take out what held inside prefixes that this one is not in."""
        cdef tuple last
        while self._opened:
            last = <tuple>self._opened[len(self._opened) - 1]
            if prefix.startswith(<str>last[0]):
                break
            self._opened.pop()
            for carrier, before, odd_before in reversed(<list>last[1]):
                self._lists.restore(carrier, before)
                if odd_before is None:
                    if self._odd:
                        self._odd.pop(carrier, None)
                else:
                    self._odd[carrier] = odd_before
        self._prefix = prefix
        self._undo = []
        self._opened.append((prefix, self._undo))
        return 0

    cdef int _end(self) except -1:
        """Note the lists of the prefix at hand, all of whose rates are in place."""
        cdef tuple found
        cdef Py_ssize_t choice
        if not self._prefix:
            return 0
        if self._odd or self._always:
            found = self._lists_here(self._prefix, self._odd)
        elif self._choices == 1:
            found = (self._lists.list_for(0),)
        else:
            found = tuple([self._lists.list_for(choice) for choice in range(self._choices)])
        row = self._destination_rows.get(found)
        if row is None:
            row = self._destination_rows[found] = len(self._destination_rows)
            self.destinations.extend(found)
        self._spans.add(self._prefix, row)
        return 0

    def over(self, rates, list marks not None):
        """Walk over rates, and over prefixes (`marks`, sorted) that have none of their own."""
        cdef Py_ssize_t place = 0, count = len(marks)
        cdef tuple rate, price, before
        cdef uint32_t carrier
        cdef str prefix
        for one in rates:
            rate = <tuple>one
            prefix = <str>rate[PREFIX]
            if prefix != self._prefix:
                self._end()
                while place < count and marks[place] <= prefix:
                    if marks[place] != prefix:
                        self._begin(marks[place])
                        self._end()
                    place += 1
                self._begin(prefix)
            self.rows += 1
            carrier = self._row_of[rate[OWNER]]
            price = self._priced(rate)
            was = self._odd.get(carrier) if self._odd else None
            if (
                not rate[ORIGIN] and not rate[TIME]
                and <long long>rate[EFFECTIVE] <= self._now and <uint64_t>rate[END] >= NO_END
            ):
                if was is not None:
                    del self._odd[carrier]
                if rate[BLOCKED]:
                    before = self._lists.take_out(carrier)
                    # What is nowhere is not held: that it blocks is asked beside other origins.
                    self._odd[carrier] = (self._odd_rate(one, price[0], price[1]),)
                else:
                    before = self._lists.put(carrier, price[0], price[1])
                self._undo.append((carrier, before, was))
            else:
                self._undo.append((carrier, self._lists.held(carrier), was))
                self._odd[carrier] = (*(was or ()), self._odd_rate(one, price[0], price[1]))
        self._end()
        for mark in marks[place:]:
            self._begin(mark)
            self._end()

    cdef tuple _priced(self, tuple rate):
        """Return a rate's price in the image's unit, and its row."""
        cdef tuple key = (rate[RATE], rate[CURRENCY]), found
        known = self._price_rows.get(key)
        if known is not None:
            return <tuple>known
        found = (self._price(rate[RATE], rate[CURRENCY]), len(self.prices))
        self._price_rows[key] = found
        self.prices.append(found[0])
        return found
