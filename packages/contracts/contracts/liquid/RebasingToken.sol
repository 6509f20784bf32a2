// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

interface IShares {
    function transferFrom(address from, address to, uint256 shares) external returns (bool);
    function transfer(address to, uint256 shares) external returns (bool);
    function convertToAssets(uint256 shares) external view returns (uint256);
    function totalAssets() external view returns (uint256);
    function totalSupply() external view returns (uint256);
}

/// @notice The other half of a pair (eMETIS to the vault's seMETIS): a balance is what its shares of the vault are worth now, so that rewards and losses
/// are seen as a balance that moves. One token holds exactly the shares that were wrapped into it. An amount moves the shares that it is worth, rounded
/// down: the receiver may see a wei or two less, and `transferShares` is exact.
contract RebasingToken is ERC20Permit {
    /// @notice The vault whose shares it holds.
    IShares public immutable vault;
    mapping(address account => uint256) public sharesOf;
    uint256 public totalShares;

    event TransferShares(address indexed from, address indexed to, uint256 shares);

    error ZeroShares();

    constructor(IShares vault_, string memory name_, string memory symbol_) ERC20(name_, symbol_) ERC20Permit(name_) {
        vault = vault_;
    }

    function balanceOf(address account) public view override returns (uint256) {
        return vault.convertToAssets(sharesOf[account]);
    }

    function totalSupply() public view override returns (uint256) {
        return vault.convertToAssets(totalShares);
    }

    /// @notice The shares that an amount moves.
    function sharesFor(uint256 assetsWei) public view returns (uint256) {
        uint256 all = vault.totalAssets();
        return all == 0 ? 0 : assetsWei * vault.totalSupply() / all;
    }

    /// @notice Takes shares of the vault from the caller and shows them as a balance.
    function wrap(uint256 shares) external returns (uint256 assetsWei) {
        if (shares == 0) revert ZeroShares();
        assetsWei = vault.convertToAssets(shares);
        (sharesOf[msg.sender], totalShares) = (sharesOf[msg.sender] + shares, totalShares + shares);
        emit Transfer(address(0), msg.sender, assetsWei);
        emit TransferShares(address(0), msg.sender, shares);
        // The vault's shares are a token of our own: it moves what it is told, or reverts.
        vault.transferFrom(msg.sender, address(this), shares);
    }

    /// @notice Gives shares back, exactly.
    function unwrap(uint256 shares) external returns (uint256 assetsWei) {
        if (shares == 0) revert ZeroShares();
        uint256 held = sharesOf[msg.sender];
        if (shares > held) revert ERC20InsufficientBalance(msg.sender, held, shares);
        assetsWei = vault.convertToAssets(shares);
        (sharesOf[msg.sender], totalShares) = (held - shares, totalShares - shares);
        emit Transfer(msg.sender, address(0), assetsWei);
        emit TransferShares(msg.sender, address(0), shares);
        vault.transfer(msg.sender, shares);
    }

    /// @notice Moves shares, exactly.
    function transferShares(address to, uint256 shares) external returns (uint256 assetsWei) {
        if (to == address(0)) revert ERC20InvalidReceiver(to);
        assetsWei = vault.convertToAssets(shares);
        _moveShares(msg.sender, to, shares, assetsWei);
    }

    function _update(address from, address to, uint256 value) internal override {
        _moveShares(from, to, sharesFor(value), value);
    }

    function _moveShares(address from, address to, uint256 shares, uint256 assetsWei) private {
        uint256 held = sharesOf[from];
        if (shares > held) revert ERC20InsufficientBalance(from, held, shares);
        sharesOf[from] = held - shares;
        sharesOf[to] += shares;
        emit Transfer(from, to, assetsWei);
        emit TransferShares(from, to, shares);
    }
}
