// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @notice An ERC-20 for tests that can be made to misbehave in the ways in which tokens on L1 do.
contract OddToken {
    enum Fault {
        None,
        /// A hundredth of what moves goes nowhere.
        Fee,
        /// The transfer functions answer nothing.
        Silent,
        /// They answer false, and nothing moves.
        False,
        /// They revert.
        Refuse,
        /// They answer true, and nothing moves.
        Lie,
        /// Whoever is told calls `target` with `data` before the balance moves.
        Hook
    }

    string public constant name = "Odd Token";
    string public constant symbol = "ODD";
    uint8 public constant decimals = 18;
    Fault public fault;
    address public target;
    bytes public data;
    bool public succeeded;
    uint256 public totalSupply;
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;

    constructor(uint256 supply) {
        totalSupply = supply;
        balanceOf[msg.sender] = supply;
    }

    function configure(Fault fault_, address target_, bytes calldata data_) external {
        (fault, target, data) = (fault_, target_, data_);
    }

    /// @notice Sets a balance, as a rebase does.
    function rebase(address account, uint256 balance) external {
        totalSupply = totalSupply - balanceOf[account] + balance;
        balanceOf[account] = balance;
    }

    function approve(address spender, uint256 value) external returns (bool) {
        allowance[msg.sender][spender] = value;
        return true;
    }

    function transfer(address to, uint256 value) external returns (bool) {
        return _transfer(msg.sender, to, value);
    }

    function transferFrom(address from, address to, uint256 value) external returns (bool) {
        allowance[from][msg.sender] -= value;
        return _transfer(from, to, value);
    }

    function _transfer(address from, address to, uint256 value) private returns (bool) {
        if (fault == Fault.Refuse) revert("refused");
        if (fault == Fault.Lie) return true;
        if (fault == Fault.False) return false;
        if (fault == Fault.Hook) (succeeded,) = target.call(data);
        balanceOf[from] -= value;
        uint256 fee = fault == Fault.Fee ? value / 100 : 0;
        totalSupply -= fee;
        balanceOf[to] += value - fee;
        if (fault == Fault.Silent) {
            assembly {
                return(0, 0)
            }
        }
        return true;
    }
}
