// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// What holds from the end of `epoch` on, until the next entry.
struct Entry {
    uint56 epoch;
    uint96 a;
    uint96 b;
    bool flag;
}

/// What was when. Entries before `start` are forgotten.
struct Timeline {
    uint256 start;
    Entry[] entries;
}

library Timelines {
    /// @notice What held at the end of `epoch`: the newest entry up to it, or one of zeros.
    function at(Timeline storage line, int256 epoch) internal view returns (Entry memory found) {
        uint256 start = line.start;
        uint256 low = start;
        uint256 high = line.entries.length;
        while (low < high) {
            uint256 middle = (low + high) / 2;
            if (int256(uint256(line.entries[middle].epoch)) <= epoch) low = middle + 1;
            else high = middle;
        }
        if (low > start) found = line.entries[low - 1];
    }

    function oldest(Timeline storage line) internal view returns (Entry memory) {
        return line.entries[line.start];
    }

    function isEmpty(Timeline storage line) internal view returns (bool) {
        return line.entries.length == 0;
    }

    function newest(Timeline storage line) internal view returns (Entry memory found) {
        uint256 length = line.entries.length;
        if (length > 0) found = line.entries[length - 1];
    }

    /// @notice Forgets what nobody asks for any more, the newest at or before the horizon still says what was there; and notes an entry, in
    /// the place of the newest when that is of the same epoch.
    function note(Timeline storage line, int256 horizon, Entry memory entry) internal {
        uint256 length = line.entries.length;
        uint256 start = line.start;
        while (start + 1 < length && int256(uint256(line.entries[start + 1].epoch)) <= horizon) {
            delete line.entries[start];
            start++;
        }
        if (start != line.start) line.start = start;
        add(line, entry);
    }

    function add(Timeline storage line, Entry memory entry) internal {
        uint256 length = line.entries.length;
        if (length > 0 && line.entries[length - 1].epoch == entry.epoch) line.entries[length - 1] = entry;
        else line.entries.push(entry);
    }
}
