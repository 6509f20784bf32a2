// Made by contracts/compile.mjs from contracts/DemoToken.sol.
export const demoTokenAbi = [
  {
    inputs: [{ internalType: 'uint256', name: 'supply', type: 'uint256' }],
    stateMutability: 'nonpayable',
    type: 'constructor',
  },
  {
    anonymous: false,
    inputs: [
      { indexed: true, internalType: 'address', name: 'owner', type: 'address' },
      { indexed: true, internalType: 'address', name: 'spender', type: 'address' },
      { indexed: false, internalType: 'uint256', name: 'value', type: 'uint256' },
    ],
    name: 'Approval',
    type: 'event',
  },
  {
    anonymous: false,
    inputs: [
      { indexed: true, internalType: 'address', name: 'from', type: 'address' },
      { indexed: true, internalType: 'address', name: 'to', type: 'address' },
      { indexed: false, internalType: 'uint256', name: 'value', type: 'uint256' },
    ],
    name: 'Transfer',
    type: 'event',
  },
  {
    inputs: [
      { internalType: 'address', name: '', type: 'address' },
      { internalType: 'address', name: '', type: 'address' },
    ],
    name: 'allowance',
    outputs: [{ internalType: 'uint256', name: '', type: 'uint256' }],
    stateMutability: 'view',
    type: 'function',
  },
  {
    inputs: [
      { internalType: 'address', name: 'spender', type: 'address' },
      { internalType: 'uint256', name: 'value', type: 'uint256' },
    ],
    name: 'approve',
    outputs: [{ internalType: 'bool', name: '', type: 'bool' }],
    stateMutability: 'nonpayable',
    type: 'function',
  },
  {
    inputs: [{ internalType: 'address', name: '', type: 'address' }],
    name: 'balanceOf',
    outputs: [{ internalType: 'uint256', name: '', type: 'uint256' }],
    stateMutability: 'view',
    type: 'function',
  },
  {
    inputs: [],
    name: 'decimals',
    outputs: [{ internalType: 'uint8', name: '', type: 'uint8' }],
    stateMutability: 'view',
    type: 'function',
  },
  {
    inputs: [],
    name: 'name',
    outputs: [{ internalType: 'string', name: '', type: 'string' }],
    stateMutability: 'view',
    type: 'function',
  },
  {
    inputs: [],
    name: 'symbol',
    outputs: [{ internalType: 'string', name: '', type: 'string' }],
    stateMutability: 'view',
    type: 'function',
  },
  {
    inputs: [],
    name: 'totalSupply',
    outputs: [{ internalType: 'uint256', name: '', type: 'uint256' }],
    stateMutability: 'view',
    type: 'function',
  },
  {
    inputs: [
      { internalType: 'address', name: 'to', type: 'address' },
      { internalType: 'uint256', name: 'value', type: 'uint256' },
    ],
    name: 'transfer',
    outputs: [{ internalType: 'bool', name: '', type: 'bool' }],
    stateMutability: 'nonpayable',
    type: 'function',
  },
  {
    inputs: [
      { internalType: 'address', name: 'from', type: 'address' },
      { internalType: 'address', name: 'to', type: 'address' },
      { internalType: 'uint256', name: 'value', type: 'uint256' },
    ],
    name: 'transferFrom',
    outputs: [{ internalType: 'bool', name: '', type: 'bool' }],
    stateMutability: 'nonpayable',
    type: 'function',
  },
] as const

export const demoTokenBytecode =
  '0x60a0604052348015600e575f5ffd5b50604051610591380380610591833981016040819052602b916076565b6080819052335f81815260208181526040808320859055518481527fddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef910160405180910390a350608c565b5f602082840312156085575f5ffd5b5051919050565b6080516104ee6100a35f395f60fb01526104ee5ff3fe608060405234801561000f575f5ffd5b5060043610610090575f3560e01c8063313ce56711610063578063313ce5671461013e57806370a082311461015857806395d89b4114610177578063a9059cbb1461019a578063dd62ed3e146101ad575f5ffd5b806306fdde0314610094578063095ea7b3146100d357806318160ddd146100f657806323b872dd1461012b575b5f5ffd5b6100bd6040518060400160405280600a8152602001692232b6b7902a37b5b2b760b11b81525081565b6040516100ca91906103cc565b60405180910390f35b6100e66100e136600461041c565b6101d7565b60405190151581526020016100ca565b61011d7f000000000000000000000000000000000000000000000000000000000000000081565b6040519081526020016100ca565b6100e6610139366004610444565b610243565b610146601281565b60405160ff90911681526020016100ca565b61011d61016636600461047e565b5f6020819052908152604090205481565b6100bd6040518060400160405280600481526020016344454d4f60e01b81525081565b6100e66101a836600461041c565b6102f9565b61011d6101bb36600461049e565b600160209081525f928352604080842090915290825290205481565b335f8181526001602090815260408083206001600160a01b038716808552925280832085905551919290917f8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7c3b925906102319086815260200190565b60405180910390a35060015b92915050565b6001600160a01b0383165f908152600160209081526040808320338452909152812054828110156102ad5760405162461bcd60e51b815260206004820152600f60248201526e44454d4f3a20616c6c6f77616e636560881b60448201526064015b60405180910390fd5b5f1981146102e3576102bf83826104cf565b6001600160a01b0386165f9081526001602090815260408083203384529091529020555b6102ee85858561030e565b506001949350505050565b5f61030533848461030e565b50600192915050565b6001600160a01b0383165f908152602081905260409020548111156103655760405162461bcd60e51b815260206004820152600d60248201526c44454d4f3a2062616c616e636560981b60448201526064016102a4565b6001600160a01b038381165f818152602081815260408083208054879003905593861680835291849020805486019055925184815290927fddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef910160405180910390a3505050565b602081525f82518060208401528060208501604085015e5f604082850101526040601f19601f83011684010191505092915050565b80356001600160a01b0381168114610417575f5ffd5b919050565b5f5f6040838503121561042d575f5ffd5b61043683610401565b946020939093013593505050565b5f5f5f60608486031215610456575f5ffd5b61045f84610401565b925061046d60208501610401565b929592945050506040919091013590565b5f6020828403121561048e575f5ffd5b61049782610401565b9392505050565b5f5f604083850312156104af575f5ffd5b6104b883610401565b91506104c660208401610401565b90509250929050565b8181038181111561023d57634e487b7160e01b5f52601160045260245ffd'
